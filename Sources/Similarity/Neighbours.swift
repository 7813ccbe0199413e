// Owns the nearest neighbours of samples, which several measures share.
import Tensor

/// How near two samples are for a measure of neighbours.
enum Nearness: String, CaseIterable {
  case cosine, euclidean
}

/// Of each sample the k others that are nearest to it, from the nearest on.
struct Neighbours {
  let k: Int
  /// n × k; where two are equally near, the earlier one first.
  fileprivate let indices: [Int]

  func of(_ sample: Int) -> ArraySlice<Int> { indices[(sample * k)..<((sample + 1) * k)] }
}

extension MeasureParameter {
  /// What measures of neighbours can be told.
  static let neighbours: [MeasureParameter] = [
    .whole("k", "neighbours of each sample", 10, 1...20_000),
    .word("nearness", "which samples are neighbours", Nearness.allCases.map(\.rawValue)),
  ]
}

extension MeasureSettings {
  var nearness: Nearness { Nearness(rawValue: word("nearness"))! }
}

extension Prepared {
  func neighbours(_ k: Int, _ nearness: Nearness) throws -> Neighbours {
    guard k < n else {
      throw SimilarityError("\(name) is of \(n) samples, so that none has \(k) neighbours; take a lower 'k'")
    }
    let pairs = nearness == .cosine ? try cosines() : try distances()
    return shared("neighbours \(k) \(nearness)", doubles: n * k) {
      let sign = nearness == .cosine ? -1.0 : 1.0
      let indices = [Int](unsafeUninitializedCapacity: n * k) { out, count in
        let base = out.baseAddress!
        Team.forEach(n) { i, _ in
          (base + i * k).initialize(from: nearest(k, in: pairs.row(i), to: i, sign), count: k)
        }
        count = n * k
      }
      return Neighbours(k: k, indices: indices)
    }
  }
}

/// The k smallest of `sign` times the values, without the sample itself.
private func nearest(_ k: Int, in values: [Double], to sample: Int, _ sign: Double) -> [Int] {
  var best: [(value: Double, at: Int)] = []
  best.reserveCapacity(k + 1)
  for (at, value) in values.enumerated() where at != sample {
    let value = sign * value
    if best.count == k, value >= best[k - 1].value { continue }
    var place = best.count
    while place > 0, best[place - 1].value > value { place -= 1 }
    best.insert((value, at), at: place)
    if best.count > k { best.removeLast() }
  }
  return best.map(\.at)
}
