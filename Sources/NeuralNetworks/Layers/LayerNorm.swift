// Owns layer normalisation.

import CKernels

/// y = γ (x − μ)/√(σ²+ε) + β with mean and variance of each token, or vector (Ba, Kiros & Hinton 2016; PyTorch's
/// LayerNorm), ε as in vision transformers.
struct LayerNorm: Layer {
  static let epsilon: Float = 1e-6

  let name: String
  let width: Int

  init(_ name: String, width: Int) {
    self.name = name
    self.width = width
  }

  private var scaleName: String { "\(name).weight" }
  private var shiftName: String { "\(name).bias" }

  var parameters: [ParameterDeclaration] {
    [
      ParameterDeclaration(name: scaleName, shape: [width], role: .scale),
      ParameterDeclaration(name: shiftName, shape: [width], role: .shift),
    ]
  }

  func outputShape(_ inputs: [[Int]]) -> [Int] { inputs[0] }

  func plan(_ node: PlannedNode, _ plan: PlanBuilder) throws -> (() throws -> Void)? {
    let shape = plan.value(node.inputs[0]).shape
    let x = try plan.convert(plan.value(node.inputs[0]), to: .plain(shape))
    let y = plan.makeMemory(x.layout)
    let (rows, width) = (shape.dropLast().reduce(1, *), width)
    let (scale, shift) = (plan.parameter(node, scaleName), plan.parameter(node, shiftName))
    let moments = plan.makeMemory(.plain([rows, 2]))
    plan.emit("layer norm \(name)", [x, scale, shift, y, moments]) { at in
      kernels_layer_norm(
        Int64(rows), Int64(width), Self.epsilon, at.floats(x), at.floats(scale), at.floats(shift),
        at.floats(y),
        at.floats(moments))
    }
    plan.setValue(node.value, y)
    guard node.needsBackward else { return nil }

    return {
      guard let dy = try plan.gradient(of: node.value) else { return }
      if node.isTrained {
        let (dscale, dshift) = (
          try plan.partialGradient(node, scaleName), try plan.partialGradient(node, shiftName)
        )
        plan.emit("gradient sums of layer norm \(name)", [x, moments, dy, dscale, dshift]) { at in
          kernels_layer_norm_sums(
            Int64(rows), Int64(width), at.floats(x), at.floats(moments), at.floats(dy), at.floats(dscale),
            at.floats(dshift))
        }
      }
      guard plan.needsGradient(node.inputs[0]) else { return }
      let dx = plan.makeMemory(x.layout)
      plan.emit("gradient of layer norm \(name)", [x, scale, moments, dy, dx]) { at in
        kernels_layer_norm_gradient(
          Int64(rows), Int64(width), at.floats(x), at.floats(scale), at.floats(moments), at.floats(dy),
          at.floats(dx))
      }
      try plan.contribute(dx, to: node.inputs[0], owned: true)
    }
  }
}
