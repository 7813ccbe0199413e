// Owns the linear layer.

import COneDNN

/// y = W x + b for vectors x (inputs) and y (outputs), W outputs × inputs, b outputs (PyTorch's Linear).
struct Linear: Layer {
  let name: String
  let inputs: Int
  let outputs: Int

  init(_ name: String, from inputs: Int, to outputs: Int) {
    self.name = name
    self.inputs = inputs
    self.outputs = outputs
  }

  private var weightName: String { name.isEmpty ? "weight" : "\(name).weight" }
  private var biasName: String { name.isEmpty ? "bias" : "\(name).bias" }

  var parameters: [ParameterDeclaration] {
    [
      ParameterDeclaration(name: weightName, shape: [outputs, inputs], role: .linear(inputs: inputs)),
      ParameterDeclaration(name: biasName, shape: [outputs], role: .linear(inputs: inputs)),
    ]
  }

  func outputShape(_ inputs: [[Int]]) -> [Int] { [outputs] }

  func plan(_ node: PlannedNode, _ plan: PlanBuilder) throws -> (() throws -> Void)? {
    let x = plan.value(node.inputs[0])
    let w = try plan.parameter(node, weightName)
    let b = try plan.parameter(node, biasName)
    let y = try plan.makeMemory(.plain([plan.batch, outputs]))
    var linear = onednn_linear(
      source: x.layout.handle, weights: w.layout.handle, bias: b.layout.handle, target: y.layout.handle)
    let forward = try PrimitiveDescriptor("linear \(name)", plan.engine, keeping: [x, w, b, y]) {
      onednn_linear_forward($0, $1, &linear, $2)
    }
    try plan.emit(forward, [(.source, x), (.weights, w), (.bias, b), (.target, y)])
    plan.setValue(node.value, y)
    guard node.needsBackward else { return nil }

    return {
      guard let dy = try plan.gradient(of: node.value) else { return }
      if node.isTrained {
        let backward = try PrimitiveDescriptor(
          "weight gradient of linear \(name)", plan.engine, keeping: [x, w, b, y, forward]
        ) { onednn_linear_backward_weights($0, $1, &linear, $2, forward.handle) }
        try plan.emit(
          backward,
          [
            (.source, x), (.target_gradient, dy), (.weights_gradient, try plan.gradient(node, weightName)),
            (.bias_gradient, try plan.gradient(node, biasName)),
          ])
      }
      if plan.needsGradient(node.inputs[0]) {
        let backward = try PrimitiveDescriptor(
          "gradient of linear \(name)", plan.engine, keeping: [x, w, b, y, forward]
        ) { onednn_linear_backward_source($0, $1, &linear, $2, forward.handle) }
        let dx = try plan.makeMemory(x.layout)
        try plan.emit(backward, [(.target_gradient, dy), (.weights, w), (.source_gradient, dx)])
        try plan.contribute(dx, to: node.inputs[0], owned: true)
      }
    }
  }
}
