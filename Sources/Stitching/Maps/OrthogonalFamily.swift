// Owns the family of rotations and reflections.
public import Tensor

/// WᵀW = 1, or where there are fewer outputs than inputs W·Wᵀ = 1: lengths and angles stay as they are, of what isn't
/// left out.
///
/// In closed form orthogonal Procrustes (Schönemann 1966): with XᵀY = U·Σ·Vᵀ, of columns less their means where there
/// is a bias, Wᵀ = U·Vᵀ, which makes tr(W·XᵀY) the largest. Where there are as many outputs as inputs or more, no other
/// map of the family has a smaller error. Where there are fewer, it is the best for outputs that zeros fill up, so that
/// directions that are left out should be small. Directions in which XᵀY is zero, dead features say, go anywhere among
/// themselves; always the same way.
///
/// In training, steps go along the family, and each is followed by the nearest of its weights, the polar
/// factor.
public struct OrthogonalFamily: MapFamily {
  public var addsBias: Bool

  public init(addsBias: Bool = true) { self.addsBias = addsBias }

  public var name: String { "an orthogonal map" }

  public func closedForm(_ statistics: RowStatistics, tolerance: RankTolerance) throws -> ClosedForm {
    let weights = try polarFactor(statistics.inputsTimesOutputs(centred: addsBias))
    return ClosedForm(solution: statistics.solution(weights, withBias: addsBias))
  }

  public func nearestMember(to weight: Matrix) throws -> Matrix { try polarFactor(weight) }

  public var canMoveAnywhere: Bool { false }

  /// The projection on the tangents of the Stiefel manifold (Edelman et al. 1998).
  public func slopeWithin(_ gradient: Matrix, at weight: Matrix) throws -> Matrix {
    guard weight.rows >= weight.columns else {
      return try slopeWithin(gradient.transposed, at: weight.transposed).transposed
    }
    let product = weight.transposedTimes(gradient)
    let symmetric = Matrix(
      product.rows, product.rows,
      values: zip(product.values, product.transposed.values).map { 0.5 * ($0 + $1) })
    return gradient - weight * symmetric
  }

  private func polarFactor(_ matrix: Matrix) throws -> Matrix {
    let (u, _, vt) = try matrix.singularValueDecomposition()
    return u * vt
  }
}
