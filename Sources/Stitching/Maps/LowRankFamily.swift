// Owns the family of maps through a few directions.
public import Tensor

/// W has at most rank k; the bias is free. From as many as inputs or outputs on, it is any affine map.
///
/// In closed form reduced-rank regression (Izenman 1975): the least-squares map, and behind it the projection on the k
/// directions in which what it makes, less its mean, varies most. In training, steps go along the family, and each is
/// followed by the nearest of its weights, that of the k largest singular values (Eckart & Young 1936).
public struct LowRankFamily: MapFamily {
  /// k, at least 1.
  public var rank: Int

  public init(rank: Int) {
    precondition(rank >= 1, "BUG: a rank of \(rank)")
    self.rank = rank
  }

  public var name: String { "a map of rank \(rank)" }
  public var countsDirections: Bool { true }

  public func closedForm(_ statistics: RowStatistics, tolerance: RankTolerance) throws -> ClosedForm {
    let affine = try AffineFamily().closedForm(statistics, tolerance: tolerance)
    let (inputs, outputs) = (statistics.inputs, statistics.outputs)
    guard rank < min(inputs, outputs) else { return affine }
    let weights = Matrix(inputs, outputs, values: Array(affine.solution.values[..<(inputs * outputs)]))
    // (XW)ᵀ(XW), less the mean; its last eigenvectors are those of the largest eigenvalues.
    let made = weights.transposedTimes(statistics.inputGram(centred: true) * weights)
    let (_, vectors) = try made.symmetricEigen()
    let largest = Matrix(rank, outputs, values: Array(vectors.values[((outputs - rank) * outputs)...]))
    var found = affine
    found.solution = statistics.solution(weights.timesTransposed(largest) * largest, withBias: true)
    return found
  }

  public func nearestMember(to weight: Matrix) throws -> Matrix {
    guard rank < min(weight.rows, weight.columns) else { return weight }
    let (u, values, vt) = try weight.singularValueDecomposition()
    var scaled = vt
    for (row, value) in values.enumerated() {
      for column in 0..<vt.columns { scaled[row, column] *= row < rank ? value : 0 }
    }
    return u * scaled
  }

  public var canMoveAnywhere: Bool { false }

  /// The projection on the tangents of the matrices of rank k: what acts on the weight's own outputs or inputs.
  public func slopeWithin(_ gradient: Matrix, at weight: Matrix) throws -> Matrix {
    guard rank < min(weight.rows, weight.columns) else { return gradient }
    let (u, _, vt) = try weight.singularValueDecomposition()
    let left = Matrix(
      u.rows, rank, values: (0..<(u.rows * rank)).map { u[$0 / rank, $0 % rank] })
    let right = Matrix(rank, vt.columns, values: Array(vt.values[..<(rank * vt.columns)]))
    let rest = gradient - left * left.transposedTimes(gradient)
    return gradient - (rest - rest.timesTransposed(right) * right)
  }
}
