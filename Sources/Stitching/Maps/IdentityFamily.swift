// Owns the family of one map.
public import Tensor

/// Each output is the input of its number; outputs beyond them are zero. Nothing is fitted.
public struct IdentityFamily: MapFamily {
  public init() {}

  public var name: String { "the identity" }
  public var canBeTrained: Bool { false }
  public var addsBias: Bool { false }

  public func closedForm(_ statistics: RowStatistics, tolerance: RankTolerance) throws -> ClosedForm {
    ClosedForm(
      solution: statistics.solution(copying(statistics.inputs, statistics.outputs), withBias: false))
  }

  public func nearestMember(to weight: Matrix) throws -> Matrix { copying(weight.rows, weight.columns) }

  private func copying(_ rows: Int, _ columns: Int) -> Matrix {
    var out = Matrix(zeros: rows, columns)
    for i in 0..<min(rows, columns) { out[i, i] = 1 }
    return out
  }
}
