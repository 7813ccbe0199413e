// Owns the family of all maps.

/// Any weight, any bias. In closed form least squares, of least norm where several maps fit as well: fewer samples than
/// features, or features that are dead or sums of others, need nothing else (`RankTolerance` says what counts as such).
public struct AffineFamily: MapFamily {
  public init() {}

  public var name: String { "an affine map" }
  public var countsDirections: Bool { true }

  public func closedForm(_ statistics: RowStatistics, tolerance: RankTolerance) throws -> ClosedForm {
    let least = try LeastSquares(statistics, tolerance: tolerance)
    return ClosedForm(solution: least.solution, rank: least.rank, tolerance: least.tolerance)
  }
}
