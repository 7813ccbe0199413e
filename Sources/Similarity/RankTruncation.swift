// Owns what becomes of a representation when its directions of least variance are taken from it, and what a linear probe
// still reads (Ding et al. 2021, "Grounding representation similarity with statistical testing").
import Tensor

/// A representation in the basis of its principal components, with a linear probe of each number of them.
public struct RankTruncation: Sendable {
  /// Squared singular values of the centred representation, descending: those that aren't rounding.
  public let variances: [Double]
  private let source: Representation
  /// The mean of each feature.
  private let mean: [Double]
  /// n × rank: the samples' coordinates.
  private let coordinates: Matrix
  /// rank × features.
  private let directions: Matrix

  /// How many directions the samples vary in.
  public var rank: Int { variances.count }

  /// - Throws: `SimilarityError` for fewer than two samples, and where they are all the same; `MatrixError` for NaN.
  public init(_ representation: Representation) throws {
    source = representation
    let (n, p) = (representation.n, representation.p)
    guard n >= 2 else {
      throw SimilarityError("\(representation.name) has \(n) samples; a truncation needs two")
    }
    var x = Matrix(n, p, values: representation.tensor.values.map(Double.init))
    var mean = [Double](repeating: 0, count: p)
    for row in 0..<n { for column in 0..<p { mean[column] += x[row, column] / Double(n) } }
    for row in 0..<n { for column in 0..<p { x[row, column] -= mean[column] } }
    self.mean = mean
    let (u, values, vt) = try x.singularValueDecomposition()
    // Activations are Float32: below 2⁻²³ of the largest there is rounding only.
    let kept = values.count { $0 > values[0] * 0x1p-23 && $0 > 0 }
    guard kept > 0 else {
      throw SimilarityError("\(representation.name) is the same for all \(n) samples; it has no directions")
    }
    variances = values.prefix(kept).map { $0 * $0 }
    var coordinates = Matrix(zeros: n, kept)
    for row in 0..<n { for k in 0..<kept { coordinates[row, k] = u[row, k] * values[k] } }
    self.coordinates = coordinates
    directions = Matrix(kept, p, values: Array(vt.values.prefix(kept * p)))
  }

  /// The representation with its first `rank` principal components alone, in its own features: the nearest one of that
  /// rank in the Frobenius norm (Eckart & Young 1936).
  public func representation(rank: Int) throws -> Representation {
    precondition((1...self.rank).contains(rank), "BUG: rank \(rank) of \(self.rank)")
    let (n, p) = (source.n, source.p)
    var first = Matrix(zeros: n, rank)
    for row in 0..<n { for k in 0..<rank { first[row, k] = coordinates[row, k] } }
    let made = first * Matrix(rank, p, values: Array(directions.values.prefix(rank * p)))
    return try Representation(
      Tensor(shape: [n, p], values: (0..<(n * p)).map { Float(made.values[$0] + mean[$0 % p]) }),
      name: "\(source.name) of rank \(rank)")
  }

  /// The share of right answers on other samples of a linear probe that sees the first r components, for each r of
  /// `ranks`: least squares of one-hot labels with an intercept and a ridge penalty, the class of the largest output.
  ///
  /// Components are uncorrelated, so that each one's weights, uₖᵀY σₖ / (σₖ² + λ), are the same whatever the others are.
  /// - Parameters:
  ///   - labels: of the samples, from 0 to below `classes`.
  ///   - others: other samples of the same features, with labels of their own.
  ///   - ridge: λ as a share of the largest variance.
  public func probe(
    ranks: [Int], labels: [Int32], on others: Representation, labels otherLabels: [Int32], classes: Int,
    ridge: Double
  ) throws -> [Double] {
    guard others.p == source.p else {
      throw SimilarityError("\(others.name) has \(others.p) features, \(source.name) has \(source.p)")
    }
    guard labels.count == source.n, otherLabels.count == others.n, others.n > 0 else {
      throw SimilarityError(
        "a probe has \(labels.count) labels for \(source.n) samples, and \(otherLabels.count) for \(others.n) others"
      )
    }
    var y = Matrix(zeros: source.n, classes)
    var shares = [Double](repeating: 0, count: classes)
    for (row, label) in labels.enumerated() {
      y[row, Int(label)] = 1
      shares[Int(label)] += 1 / Double(source.n)
    }
    for row in 0..<source.n { for c in 0..<classes { y[row, c] -= shares[c] } }
    var weights = coordinates.transposedTimes(y)
    for k in 0..<rank {
      for c in 0..<classes { weights[k, c] /= variances[k] + ridge * variances[0] }
    }
    var z = Matrix(others.n, others.p, values: others.tensor.values.map(Double.init))
    for row in 0..<others.n { for column in 0..<others.p { z[row, column] -= mean[column] } }
    let seen = z.timesTransposed(directions)
    var outputs = Matrix(zeros: others.n, classes)
    for row in 0..<others.n { for c in 0..<classes { outputs[row, c] = shares[c] } }
    var accuracies: [Int: Double] = [:]
    for k in 0..<rank {
      for row in 0..<others.n {
        for c in 0..<classes { outputs[row, c] += seen[row, k] * weights[k, c] }
      }
      guard ranks.contains(k + 1) else { continue }
      let right = (0..<others.n).count { row in
        var best = 0
        for c in 0..<classes where outputs[row, c] > outputs[row, best] { best = c }
        return best == Int(otherLabels[row])
      }
      accuracies[k + 1] = Double(right) / Double(others.n)
    }
    return ranks.map { accuracies[$0]! }
  }
}
