// Owns the Gaussian error linear unit.

import CKernels

/// x · Φ(x), Φ the normal distribution function by erf, not the approximation by tanh (Hendrycks & Gimpel 2016;
/// PyTorch's GELU).
struct GELU: Layer {
  func outputShape(_ inputs: [[Int]]) -> [Int] { inputs[0] }

  func plan(_ node: PlannedNode, _ plan: PlanBuilder) throws -> (() throws -> Void)? {
    let x = plan.value(node.inputs[0])
    let y = plan.makeMemory(x.layout)
    let count = Int64(x.valueCount)
    plan.emit("GELU", [x, y]) { at in kernels_gelu(count, at.floats(x), at.floats(y)) }
    plan.setValue(node.value, y)
    guard node.needsBackward else { return nil }
    return {
      guard let dy = try plan.gradient(of: node.value), plan.needsGradient(node.inputs[0]) else { return }
      let dx = plan.makeMemory(x.layout)
      plan.emit("gradient of GELU", [x, dy, dx]) { at in
        kernels_gelu_gradient(count, at.floats(x), at.floats(dy), at.floats(dx))
      }
      try plan.contribute(dx, to: node.inputs[0], owned: true)
    }
  }
}
