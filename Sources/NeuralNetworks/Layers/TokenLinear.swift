// Owns the linear map of every token.

import COneDNN

/// y = W x + b for each token x (inputs), W outputs × inputs, b outputs (PyTorch's Linear on N × T × inputs), and
/// where wanted plus a second input of y's shape (a residual connection).
struct TokenLinear: Layer {
  let name: String
  let inputs: Int
  let outputs: Int
  let addsInput: Bool

  init(_ name: String, from inputs: Int, to outputs: Int, addsInput: Bool = false) {
    self.name = name
    self.inputs = inputs
    self.outputs = outputs
    self.addsInput = addsInput
  }

  private var map: RowMap { RowMap(name, from: inputs, to: outputs) }

  /// As timm's vision transformers start: weights normal with deviation 0.02 (it truncates them at ±2, a hundred
  /// deviations), bias 0.
  var parameters: [ParameterDeclaration] {
    [
      ParameterDeclaration(name: map.weightName, shape: [outputs, inputs], role: .normal(deviation: 0.02)),
      ParameterDeclaration(name: map.biasName, shape: [outputs], role: .shift),
    ]
  }

  var needsFloat32: Bool { true }

  func outputShape(_ inputs: [[Int]]) -> [Int] { [inputs[0][0], outputs] }

  func plan(_ node: PlannedNode, _ plan: PlanBuilder) throws -> (() throws -> Void)? {
    let x = plan.value(node.inputs[0])
    let addend = addsInput ? plan.value(node.inputs[1]) : nil
    let planned = try map.plan(node, plan, x, addend: addend)
    plan.setValue(node.value, planned.y)
    guard node.needsBackward else { return nil }
    return {
      guard let dy = try plan.gradient(of: node.value) else { return }
      if addsInput, plan.needsGradient(node.inputs[1]) {
        try plan.contribute(dy, to: node.inputs[1], owned: false)
      }
      if let dx = try planned.backward(dy, plan.needsGradient(node.inputs[0])) {
        try plan.contribute(dx, to: node.inputs[0], owned: true)
      }
    }
  }
}

/// The linear map of rows, N × T × inputs to N × T × outputs, as layers use it.
///
/// A 1×1 convolution of images of T × 1 pixels, channels last: of a matrix product over all rows, a row's bits would
/// depend on its place. Only the weights' gradient, a sum over rows, is a product.
struct RowMap {
  let name: String
  let inputs: Int
  let outputs: Int

  init(_ name: String, from inputs: Int, to outputs: Int) {
    self.name = name
    self.inputs = inputs
    self.outputs = outputs
  }

  var weightName: String { name.isEmpty ? "weight" : "\(name).weight" }
  var biasName: String { name.isEmpty ? "bias" : "\(name).bias" }

  /// Adds the forward steps. `backward` takes y's gradient and whether x's is wanted, and adds the backward ones.
  func plan(
    _ node: PlannedNode, _ plan: PlanBuilder, _ x: Memory, addend: Memory? = nil
  ) throws -> (y: Memory, backward: (Memory, Bool) throws -> Memory?) {
    let y = plan.makeMemory(.plain([x.shape[0], x.shape[1], outputs]))
    let (source, target) = (plan.pixels(x), plan.pixels(y))
    let added = addend.map { plan.pixels($0) }
    let forward = try descriptor(
      "linear", plan, source, target, attributes: Attributes(addend: added?.layout)
    ) { onednn_convolution_forward($0, $1, &$2, $3) }
    let weights = plan.parameter(node, weightName, as: [outputs, inputs, 1, 1])
    var arguments: [(onednn_role, Memory)] = [
      (.source, source), (.weights, try packed(weights, for: forward, node, plan)),
      (.bias, plan.parameter(node, biasName)), (.target, target),
    ]
    if let added { arguments.append((.addend, added)) }
    try plan.emit(forward, arguments)

    return (
      y,
      { dy, wantsInput in
        if node.isTrained { try planWeightGradient(node, plan, x: x, dy: dy) }
        guard wantsInput else { return nil }
        let dx = plan.makeMemory(x.layout)
        let (source, target) = (plan.pixels(dx), plan.pixels(dy))
        let backward = try descriptor("gradient of linear", plan, source, target, keeping: forward) {
          onednn_convolution_backward_source($0, $1, &$2, $3, forward.handle)
        }
        try plan.emit(
          backward,
          [
            (.target_gradient, target), (.weights, try packed(weights, for: backward, node, plan)),
            (.source_gradient, source),
          ])
        return dx
      }
    )
  }

  private func packed(
    _ weights: Memory, for descriptor: PrimitiveDescriptor, _ node: PlannedNode, _ plan: PlanBuilder
  ) throws -> Memory {
    try plan.prepacking(node, usesStatistics: false) {
      try plan.convert(weights, to: descriptor.layout(.weights))
    }
  }

  private func descriptor(
    _ what: String, _ plan: PlanBuilder, _ source: Memory, _ target: Memory, attributes: Attributes? = nil,
    keeping forward: PrimitiveDescriptor? = nil,
    _ create: (
      UnsafeMutablePointer<OpaquePointer?>, OpaquePointer, inout onednn_convolution, OpaquePointer
    ) -> onednn_status
  ) throws -> PrimitiveDescriptor {
    let w = Layout.any([outputs, inputs, 1, 1])
    let b = Layout.plain([outputs])
    var convolution = onednn_convolution(
      algorithm: .direct, source: source.layout.handle, weights: w.handle, bias: b.handle,
      target: target.layout.handle, stride: (1, 1), padding: (0, 0))
    return try PrimitiveDescriptor(
      "\(what) \(name)", plan.engine, attributes: attributes, keeping: [source, target, w, b, forward]
    ) { create($0, $1, &convolution, $2) }
  }

  private func planWeightGradient(_ node: PlannedNode, _ plan: PlanBuilder, x: Memory, dy: Memory) throws {
    let rows = x.shape[0] * x.shape[1]
    let source = plan.reshape(x, to: [rows, inputs])
    let target = plan.reshape(dy, to: [rows, outputs])
    let dw = try plan.partialGradient(node, weightName, as: [outputs, inputs])
    let db = try plan.partialGradient(node, biasName)
    var linear = onednn_linear(
      source: source.layout.handle, weights: dw.layout.handle, bias: db.layout.handle,
      target: target.layout.handle)
    let backward = try PrimitiveDescriptor(
      "weight gradient of linear \(name)", plan.engine, keeping: [source, target, dw, db]
    ) { onednn_linear_backward_weights($0, $1, &linear, $2) }
    try plan.emit(
      backward,
      [(.source, source), (.target_gradient, target), (.weights_gradient, dw), (.bias_gradient, db)])
  }
}

extension PlanBuilder {
  /// Row-major tokens as a convolution sees them.
  fileprivate func pixels(_ tokens: Memory) -> Memory {
    makeMemory(.pixels(ofTokens: tokens.shape), over: tokens.buffer)
  }
}
