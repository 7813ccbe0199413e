// Owns turning a stage's `matrix` and `where` into points.

import Workflow

extension ExpandedStage {
  /// Points looked at before `where` chooses among them.
  private static let maximumPoints = 10_000_000

  /// Expands a stage all of whose references have been expanded. Throws `DecodingIssue`.
  convenience init(_ declaration: StageDeclaration, _ evaluator: Evaluator) throws {
    let list = try declaration.matrix.map { member in
      try Axis(
        name: member.name, value: try evaluator.value(member.value, at: nil), stages: evaluator.stages)
    }
    var total = 1
    for axis in list {
      total *= axis.members.count
      guard total <= ExpandedStage.maximumPoints else {
        throw DecodingIssue(declaration.place, "the matrix has over \(ExpandedStage.maximumPoints) points")
      }
    }
    let axes = Axes(list)
    var point = Point(axes: axes, coordinates: Array(repeating: 0, count: axes.count))
    var known = declaration.conditions.map { Memo<Bool>(for: [$0], axes: axes, evaluator) }
    var coordinates: [UInt32] = []
    for _ in 0..<total {
      var holds = true
      for (c, condition) in declaration.conditions.enumerated() where holds {
        guard case .whole(let expression, let place) = condition else {
          preconditionFailure("BUG: a condition is an expression")
        }
        holds = try known[c].value(at: point) { try evaluator.holds(expression, at: place, in: point) }
      }
      if holds { for member in point.coordinates { coordinates.append(UInt32(member)) } }
      // The last axis varies fastest.
      for a in axes.indices.reversed() {
        point.coordinates[a] += 1
        if point.coordinates[a] < axes[a].members.count { break }
        point.coordinates[a] = 0
      }
    }
    if !axes.isEmpty, coordinates.isEmpty {
      throw DecodingIssue(
        declaration.conditions[0].place, "where: none of the \(total) points holds: a matrix over nothing")
    }
    self.init(name: declaration.name, axes: axes, coordinates: coordinates, outputs: declaration.outputs)
  }
}
