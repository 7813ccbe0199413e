// Owns mixing datasets of one shape into one.
import Foundation
import Tensor

/// How halves are mixed.
public struct Mix: Sendable, Hashable {
  /// What becomes of the labels.
  public enum Labels: String, Sendable, CaseIterable {
    /// They mean the same classes in all.
    case shared
    /// Each dataset has classes of its own: the second's are numbered after the first's.
    case separate
  }

  public var labels: Labels
  /// Decides the order, and which samples are taken.
  public var seed: UInt64

  public init(labels: Labels = .shared, seed: UInt64 = 0) {
    self.labels = labels
    self.seed = seed
  }

  /// Mixes halves of one split: `counts` samples of each, drawn and put in order by the seed.
  public func half(_ halves: [Half], counts: [Int], name: String) throws -> Half {
    precondition(!halves.isEmpty && counts.count == halves.count, "BUG: \(counts.count) counts")
    let first = halves[0]
    let split = first.description.split
    for half in halves {
      guard half.description.shortcut == nil else {
        throw DatasetError(
          "\(half.description.name) has a shortcut, which can't be mixed; apply dataset/shortcut to the mix")
      }
      guard half.samples.sampleShape == first.samples.sampleShape else {
        throw DatasetError(
          "\(half.description.name) has samples of shape \(half.samples.sampleShape), "
            + "\(first.description.name) of \(first.samples.sampleShape); only samples of one shape are mixed"
        )
      }
      guard (half.samples.labels == nil) == (first.samples.labels == nil) else {
        throw DatasetError(
          "\(half.description.name) has \(half.samples.labels == nil ? "no labels" : "labels"), "
            + "\(first.description.name) \(first.samples.labels == nil ? "none" : "some")")
      }
      guard labels == .separate || half.description.classes == first.description.classes,
        labels == .separate || half.description.classNames == nil || first.description.classNames == nil
          || half.description.classNames == first.description.classNames
      else {
        throw DatasetError(
          "\(half.description.name) has other classes than \(first.description.name); "
            + "labels: separate numbers them one after the other")
      }
    }
    let random = Philox(seed: seed, purpose: .mix, index: split == .train ? 0 : 1)
    var rows: [(half: Int, index: Int)] = []
    for (number, half) in halves.enumerated() {
      let chosen = random.stream((split == .train ? 0 : 1) + 2 * (number + 1))
        .sample(counts[number], of: half.samples.count)
      rows += chosen.map { (number, $0) }
    }
    let order = random.permutation(of: rows.count).map { rows[$0] }

    let bases = labels == .shared ? halves.map { _ in 0 } : starts(halves.map(\.description.classes))
    let classes =
      labels == .shared ? first.description.classes : halves.map(\.description.classes).reduce(0, +)
    let allNames = halves.map(\.description.classNames)
    let names =
      labels == .shared
      ? allNames.lazy.compactMap { $0 }.first
      : allNames.contains(nil) ? nil : allNames.flatMap { $0! }
    return Half(
      of: name, split, classes: classes, classNames: names,
      samples: Samples(
        values: try values(of: order, in: halves.map(\.samples), name: name),
        sampleShape: first.samples.sampleShape, count: order.count,
        labels: first.samples.labels == nil
          ? nil : order.map { halves[$0.half].samples.labels![$0.index] + Int32(bases[$0.half]) }))
  }

  private func starts(_ classes: [Int]) -> [Int] {
    classes.reduce(into: [0]) { $0.append($0.last! + $1) }.dropLast()
  }

  private func values(of order: [(half: Int, index: Int)], in samples: [Samples], name: String) throws
    -> Samples.Values
  {
    let size = samples[0].sampleSize
    let bytes = samples.compactMap { if case .bytes(let data) = $0.values { data } else { nil } }
    let floats = samples.compactMap { if case .floats(let tensor) = $0.values { tensor } else { nil } }
    guard bytes.isEmpty || floats.isEmpty else {
      throw DatasetError("\(name): one dataset has pixels (uint8), another other numbers; mix like with like")
    }
    if !bytes.isEmpty {
      var out = Data(count: order.count * size)
      out.withUnsafeMutableBytes { out in
        for (row, place) in order.enumerated() {
          bytes[place.half].withUnsafeBytes {
            UnsafeMutableRawBufferPointer(rebasing: out[(row * size)...]).copyMemory(
              from: UnsafeRawBufferPointer(rebasing: $0[(place.index * size)..<((place.index + 1) * size)]))
          }
        }
      }
      return .bytes(out)
    }
    return .floats(
      Tensor(shape: [order.count] + samples[0].sampleShape) { out in
        for (row, place) in order.enumerated() {
          floats[place.half].withUnsafeValues {
            (out.baseAddress! + row * size).initialize(
              from: $0.baseAddress! + place.index * size, count: size)
          }
        }
      })
  }
}
