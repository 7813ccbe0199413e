// Owns what measures say of every two samples of one representation: distances, cosines, correlations. They come from
// the Gram matrix, which is computed once.
import Tensor

/// A symmetric matrix of samples, n × n, by its diagonal and what is right of it, row by row.
struct SamplePairs {
  let diagonal: [Double]
  /// n(n − 1)/2 values.
  let values: [Double]

  var n: Int { diagonal.count }

  /// - Parameter value: of a sample and a later one.
  init(diagonal: [Double], _ value: (_ i: Int, _ j: Int) -> Double) {
    let n = diagonal.count
    self.diagonal = diagonal
    values = [Double](unsafeUninitializedCapacity: n * (n - 1) / 2) { out, count in
      var at = 0
      for i in 0..<n {
        for j in (i + 1)..<max(n, i + 1) {
          out.initializeElement(at: at, to: value(i, j))
          at += 1
        }
      }
      count = at
    }
  }

  /// Where a sample's row begins, less the sample itself and those before it.
  private func start(_ i: Int) -> Int { i * (2 * n - i - 1) / 2 - i - 1 }

  subscript(i: Int, j: Int) -> Double {
    i == j ? diagonal[i] : i < j ? values[start(i) + j] : values[start(j) + i]
  }

  /// A sample's values with all samples.
  func row(_ i: Int) -> [Double] {
    [Double](unsafeUninitializedCapacity: n) { out, count in
      values.withUnsafeBufferPointer { values in
        for j in 0..<i { out.initializeElement(at: j, to: values[start(j) + i]) }
        out.initializeElement(at: i, to: diagonal[i])
        for j in (i + 1)..<max(n, i + 1) { out.initializeElement(at: j, to: values[start(i) + j]) }
      }
      count = n
    }
  }

  /// Sums of rows.
  private var sums: [Double] {
    var sums = diagonal
    var at = 0
    for i in 0..<n {
      for j in (i + 1)..<max(n, i + 1) {
        sums[i] += values[at]
        sums[j] += values[at]
        at += 1
      }
    }
    return sums
  }

  /// HAH, H = 1 − 11ᵀ/n: rows and columns have the mean 0.
  var doublyCentred: SamplePairs {
    let means = sums.map { $0 / Double(n) }
    let mean = means.reduce(0, +) / Double(n)
    var at = 0
    return SamplePairs(diagonal: zip(diagonal, means).map { $0 - 2 * $1 + mean }) { i, j in
      defer { at += 1 }
      return values[at] - means[i] - means[j] + mean
    }
  }

  /// ⟨A, B⟩, over all n² of their elements.
  func product(_ other: SamplePairs) -> Double {
    dot(diagonal, other.diagonal) + 2 * dot(values, other.values)
  }

  var matrix: Matrix { Matrix(n, n, values: (0..<n).flatMap { row($0) }) }
}

/// What of each sample beside the Gram matrix gives the products of samples that aren't centred.
struct SampleProfile {
  /// xᵢ·μ of the centred sample, μ the column means.
  var alongMean: [Double] = []
  /// Σxᵢ of the centred sample.
  var sums: [Double] = []
  /// ‖xᵢ‖² of the raw sample.
  var squares: [Double] = []
  /// ‖xᵢ − x̄ᵢ‖² of the raw sample, x̄ᵢ its mean over features.
  var spreads: [Double] = []
}

extension Prepared {
  private var halfDoubles: Int { n * (n + 1) / 2 }

  /// Euclidean distances of samples.
  func distances() throws -> SamplePairs {
    let gram = try gram()
    return shared("distances", doubles: halfDoubles) {
      SamplePairs(diagonal: [Double](repeating: 0, count: n)) { i, j in
        max(0, gram[i, i] + gram[j, j] - 2 * gram[i, j]).squareRoot()
      }
    }
  }

  /// Cosines of samples as they are, not centred.
  func cosines() throws -> SamplePairs {
    let (gram, profile) = (try gram(), profile())
    if let zero = profile.squares.firstIndex(of: 0) {
      throw SimilarityError("\(name) is 0 in all features of sample \(zero), which has no direction then")
    }
    return shared("cosines", doubles: halfDoubles) {
      let norms = profile.squares.map { $0.squareRoot() }
      let (a, square) = (profile.alongMean, dot(means, means))
      return SamplePairs(diagonal: [Double](repeating: 1, count: n)) { i, j in
        (gram[i, j] + a[i] + a[j] + square) / (norms[i] * norms[j])
      }
    }
  }

  /// Pearson correlations of samples, over features.
  func correlations() throws -> SamplePairs {
    let (gram, profile) = (try gram(), profile())
    if let flat = (0..<n).first(where: { profile.spreads[$0] <= profile.squares[$0] * 1e-24 }) {
      throw SimilarityError(
        "\(name) has the same value in all \(p) features of sample \(flat), which correlates with nothing then"
      )
    }
    return shared("correlations", doubles: halfDoubles) {
      let roots = profile.spreads.map { $0.squareRoot() }
      let mean = means.reduce(0, +) / Double(p)
      let square = means.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
      let (b, sums) = (zip(profile.alongMean, profile.sums).map { $0 - mean * $1 }, profile.sums)
      return SamplePairs(diagonal: [Double](repeating: 1, count: n)) { i, j in
        (gram[i, j] - sums[i] * sums[j] / Double(p) + b[i] + b[j] + square) / (roots[i] * roots[j])
      }
    }
  }

  /// Of each sample, in one pass over the values.
  func profile() -> SampleProfile {
    shared("profile", doubles: 4 * n) {
      var profile = SampleProfile()
      withRawValues { values in
        means.withUnsafeBufferPointer { means in
          for i in 0..<n {
            let row = UnsafeBufferPointer(rebasing: values[i * p..<(i + 1) * p])
            var (along, sum, square, raw) = (0.0, 0.0, 0.0, 0.0)
            for k in 0..<p {
              let value = Double(row[k])
              along += (value - means[k]) * means[k]
              sum += value - means[k]
              raw += value
              square += value * value
            }
            let mean = raw / Double(p)
            var spread = 0.0
            for k in 0..<p { spread += (Double(row[k]) - mean) * (Double(row[k]) - mean) }
            profile.alongMean.append(along)
            profile.sums.append(sum)
            profile.squares.append(square)
            profile.spreads.append(spread)
          }
        }
      }
      return profile
    }
  }
}
