// Owns what every layer must tell: shapes, parameters, and the steps it adds to a plan.

/// One layer, as an architecture describes it.
protocol Layer: Sendable {
  /// What it needs from a model.
  var parameters: [ParameterDeclaration] { get }

  /// Whether it computes in float32 whatever the plan is asked for.
  var needsFloat32: Bool { get }

  /// The shape of its value for inputs of the given shapes, all without the batch.
  func outputShape(_ inputs: [[Int]]) -> [Int]

  /// Adds the forward steps of `node` to the plan and returns what adds the backward ones, which is called
  /// in reverse order and only where somebody wants a gradient.
  func plan(_ node: PlannedNode, _ plan: PlanBuilder) throws -> (() throws -> Void)?
}

extension Layer {
  var parameters: [ParameterDeclaration] { [] }
  var needsFloat32: Bool { false }
}

/// Where a network starts; the plan provides its memory.
struct Input: Layer {
  func outputShape(_ inputs: [[Int]]) -> [Int] { preconditionFailure("BUG: an input has no inputs") }
  func plan(_ node: PlannedNode, _ plan: PlanBuilder) throws -> (() throws -> Void)? {
    preconditionFailure("BUG: an input isn't planned as a layer")
  }
}
