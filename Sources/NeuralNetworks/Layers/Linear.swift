// Owns the linear layer.

import COneDNN

/// y = W x + b, with W of outputs × inputs (PyTorch's Linear).
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
    var (source, weights, bias, target) = (x.desc, w.desc, b.desc, y.desc)
    var operation = dnnl_inner_product_desc_t()
    try check(
      dnnl_inner_product_forward_desc_init(
        &operation, dnnl_forward_training, &source, &weights, &bias, &target), "linear \(name)")
    let forward = try PrimitiveDescriptor("linear \(name)", plan.engine, operation: &operation)
    try plan.emit(
      forward, [(DNNL_ARG_SRC, x), (DNNL_ARG_WEIGHTS, w), (DNNL_ARG_BIAS, b), (DNNL_ARG_DST, y)])
    plan.setValue(node.value, y)
    guard node.needsBackward else { return nil }

    return {
      guard let dy = try plan.gradient(of: node.value) else { return }
      var (source, weights, bias, target) = (x.desc, w.desc, b.desc, y.desc)
      var operation = dnnl_inner_product_desc_t()
      if node.isTrained {
        try check(
          dnnl_inner_product_backward_weights_desc_init(&operation, &source, &weights, &bias, &target),
          "weight gradient of linear \(name)")
        let backward = try PrimitiveDescriptor(
          "weight gradient of linear \(name)", plan.engine, hint: forward, operation: &operation)
        try plan.emit(
          backward,
          [
            (DNNL_ARG_SRC, x), (DNNL_ARG_DIFF_DST, dy),
            (DNNL_ARG_DIFF_WEIGHTS, try plan.gradient(node, weightName)),
            (DNNL_ARG_DIFF_BIAS, try plan.gradient(node, biasName)),
          ])
      }
      if plan.needsGradient(node.inputs[0]) {
        try check(
          dnnl_inner_product_backward_data_desc_init(&operation, &source, &weights, &target),
          "gradient of linear \(name)")
        let backward = try PrimitiveDescriptor(
          "gradient of linear \(name)", plan.engine, hint: forward, operation: &operation)
        let dx = try plan.makeMemory(x.desc)
        try plan.emit(
          backward, [(DNNL_ARG_DIFF_DST, dy), (DNNL_ARG_WEIGHTS, w), (DNNL_ARG_DIFF_SRC, dx)])
        try plan.contribute(dx, to: node.inputs[0], owned: true)
      }
    }
  }
}
