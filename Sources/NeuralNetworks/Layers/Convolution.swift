// Owns the two-dimensional convolution, with what may be fused into it.

import COneDNN

/// Cross-correlation of C×H×W with O×C×k×k weights (PyTorch's Conv2d), zero padding.
struct Convolution: Layer {
  let name: String
  let inChannels: Int
  let outChannels: Int
  let kernel: Int
  let stride: Int
  let padding: Int
  let hasBias: Bool
  /// A constant batch norm behind it, multiplied into the weights.
  var folded: BatchNorm?
  /// Whether a second input is added to the result.
  var addsInput = false
  /// Whether a ReLU comes last.
  var relu = false

  init(
    _ name: String, from inputs: Int, to outputs: Int, kernel: Int, stride: Int = 1, padding: Int = 0,
    hasBias: Bool = false
  ) {
    self.name = name
    inChannels = inputs
    outChannels = outputs
    self.kernel = kernel
    self.stride = stride
    self.padding = padding
    self.hasBias = hasBias
  }

  /// Whether nothing is fused into it yet.
  var isPlain: Bool { isLinear && folded == nil }
  /// Whether neither an addition nor a ReLU is fused into it yet.
  var isLinear: Bool { !addsInput && !relu }

  private var weightName: String { name.isEmpty ? "weight" : "\(name).weight" }
  private var biasName: String { name.isEmpty ? "bias" : "\(name).bias" }
  private var weightShape: [Int] { [outChannels, inChannels, kernel, kernel] }

  var parameters: [ParameterDeclaration] {
    [ParameterDeclaration(name: weightName, shape: weightShape, role: .convolution)]
      + (hasBias ? [ParameterDeclaration(name: biasName, shape: [outChannels], role: .shift)] : [])
  }

  func outputShape(_ inputs: [[Int]]) -> [Int] {
    let size = { (n: Int) in (n + 2 * padding - kernel) / stride + 1 }
    return [outChannels, size(inputs[0][1]), size(inputs[0][2])]
  }

  func plan(_ node: PlannedNode, _ plan: PlanBuilder) throws -> (() throws -> Void)? {
    let x = plan.value(node.inputs[0])
    let outShape = [plan.batch] + outputShape([Array(x.desc.shape.dropFirst())])
    let strides = [Int64(stride), Int64(stride)]
    let paddings = [Int64(padding), Int64(padding)]

    let unfused = try forwardDescriptor(plan, x: x.desc, target: .any(outShape), Attributes(relu: relu))
    var forward = unfused
    var addend: Memory?
    var addsItself = false
    if addsInput {
      let layout = unfused.desc(dnnl_query_dst_md)
      addend = try plan.convert(plan.value(node.inputs[1]), to: layout)
      forward = try forwardDescriptor(
        plan, x: x.desc, target: layout, Attributes(addend: layout, relu: relu))
      // Where no fast implementation can add as well, the addition is a step of its own.
      addsItself = !forward.isReference
      if !addsItself { forward = try forwardDescriptor(plan, x: x.desc, target: layout, Attributes()) }
    }

    let (plainWeights, plainBias) = try constants(node, plan)
    let w = try plan.prepacking(node, usesStatistics: folded != nil) {
      try plan.convert(plainWeights, to: forward.desc(dnnl_query_weights_md))
    }
    let y = try plan.makeMemory(forward.desc(dnnl_query_dst_md))
    var arguments = [
      (DNNL_ARG_SRC, try plan.convert(x, to: forward.desc(dnnl_query_src_md))), (DNNL_ARG_WEIGHTS, w),
      (DNNL_ARG_DST, y),
    ]
    if let plainBias { arguments.append((DNNL_ARG_BIAS, plainBias)) }
    if let addend, addsItself { arguments.append((fusedAddendArgument, addend)) }
    try plan.emit(forward, arguments)
    if let addend, !addsItself { try plan.emitAddition(y, addend, into: y, relu: relu) }
    plan.setValue(node.value, y)
    guard node.needsBackward else { return nil }

    return {
      guard let dy = try plan.gradient(of: node.value, mask: relu ? y : nil) else { return }
      if addsInput, plan.needsGradient(node.inputs[1]) {
        try plan.contribute(dy, to: node.inputs[1], owned: false)
      }
      if node.isTrained {
        try planWeightGradient(node, plan, x: x, dy: dy, forward, strides, paddings)
      }
      if plan.needsGradient(node.inputs[0]) {
        var source = dnnl_memory_desc_t.any(x.desc.shape)
        var weights = dnnl_memory_desc_t.any(weightShape)
        var target = dnnl_memory_desc_t.any(outShape)
        var operation = dnnl_convolution_desc_t()
        try check(
          dnnl_convolution_backward_data_desc_init(
            &operation, dnnl_convolution_direct, &source, &weights, &target, strides, paddings, paddings),
          "gradient of convolution \(name)")
        let backward = try PrimitiveDescriptor(
          "gradient of convolution \(name)", plan.engine, hint: forward, operation: &operation)
        let w = try plan.prepacking(node, usesStatistics: folded != nil) {
          try plan.convert(plainWeights, to: backward.desc(dnnl_query_weights_md))
        }
        let dx = try plan.makeMemory(backward.desc(dnnl_query_diff_src_md))
        try plan.emit(
          backward,
          [
            (DNNL_ARG_DIFF_DST, try plan.convert(dy, to: backward.desc(dnnl_query_diff_dst_md))),
            (DNNL_ARG_WEIGHTS, w), (DNNL_ARG_DIFF_SRC, dx),
          ])
        try plan.contribute(dx, to: node.inputs[0], owned: true)
      }
    }
  }

  private func forwardDescriptor(
    _ plan: PlanBuilder, x: dnnl_memory_desc_t, target: dnnl_memory_desc_t, _ attributes: Attributes
  ) throws -> PrimitiveDescriptor {
    var source = dnnl_memory_desc_t.any(x.shape)
    var weights = dnnl_memory_desc_t.any(weightShape)
    var bias = dnnl_memory_desc_t.plain([outChannels])
    var target = target
    let strides = [Int64(stride), Int64(stride)]
    let paddings = [Int64(padding), Int64(padding)]
    var operation = dnnl_convolution_desc_t()
    try withUnsafePointer(to: &bias) { bias in
      // Asked for inference, oneDNN 2.6 takes implementations that are slower here and can't add.
      try check(
        dnnl_convolution_forward_desc_init(
          &operation, dnnl_forward_training, dnnl_convolution_direct, &source, &weights,
          hasBias || folded != nil ? bias : nil, &target, strides, paddings, paddings),
        "convolution \(name)")
    }
    return try PrimitiveDescriptor(
      "convolution \(name)", plan.engine, attributes: attributes, operation: &operation)
  }

  private func planWeightGradient(
    _ node: PlannedNode, _ plan: PlanBuilder, x: Memory, dy: Memory, _ forward: PrimitiveDescriptor,
    _ strides: [Int64], _ paddings: [Int64]
  ) throws {
    var source = dnnl_memory_desc_t.any(x.desc.shape)
    var weights = dnnl_memory_desc_t.any(weightShape)
    var bias = dnnl_memory_desc_t.plain([outChannels])
    var target = dnnl_memory_desc_t.any(dy.desc.shape)
    var operation = dnnl_convolution_desc_t()
    try withUnsafePointer(to: &bias) { bias in
      try check(
        dnnl_convolution_backward_weights_desc_init(
          &operation, dnnl_convolution_direct, &source, &weights, hasBias ? bias : nil, &target, strides,
          paddings, paddings), "weight gradient of convolution \(name)")
    }
    let backward = try PrimitiveDescriptor(
      "weight gradient of convolution \(name)", plan.engine, hint: forward, operation: &operation)
    let plain = try plan.gradient(node, weightName)
    let layout = backward.desc(dnnl_query_diff_weights_md)
    let dw = layout.isSameLayout(as: plain.desc) ? plain : try plan.makeMemory(layout)
    var arguments = [
      (DNNL_ARG_SRC, try plan.convert(x, to: backward.desc(dnnl_query_src_md))),
      (DNNL_ARG_DIFF_DST, try plan.convert(dy, to: backward.desc(dnnl_query_diff_dst_md))),
      (DNNL_ARG_DIFF_WEIGHTS, dw),
    ]
    if hasBias { arguments.append((DNNL_ARG_DIFF_BIAS, try plan.gradient(node, biasName))) }
    try plan.emit(backward, arguments)
    if dw !== plain { try plan.reorder(dw, into: plain) }
  }

  /// Row-major weights and bias: the parameters, or with a folded batch norm γ/√(σ²+ε)·w and β − γμ/√(σ²+ε).
  private func constants(_ node: PlannedNode, _ plan: PlanBuilder) throws -> (Memory, Memory?) {
    let weights = try plan.parameter(node, weightName)
    let ownBias = hasBias ? try plan.parameter(node, biasName) : nil
    guard let folded else { return (weights, ownBias) }
    let norm = try folded.tensors(node, plan)
    return try plan.prepacking(node, usesStatistics: true) {
      let w = try plan.makeMemory(.plain(weightShape))
      let b = try plan.makeMemory(.plain([outChannels]))
      let perOutput = inChannels * kernel * kernel
      plan.emit(
        [weights, norm.scale, norm.shift, norm.mean, norm.variance, w, b] + (ownBias.map { [$0] } ?? [])
      ) {
        for o in 0..<outChannels {
          let factor = norm.scale.floats[o] / (norm.variance.floats[o] + BatchNorm.epsilon).squareRoot()
          let shift = (ownBias?.floats[o] ?? 0) - norm.mean.floats[o]
          b.floats[o] = norm.shift.floats[o] + shift * factor
          for i in (o * perOutput)..<((o + 1) * perOutput) { w.floats[i] = weights.floats[i] * factor }
        }
      }
      return (w, b)
    }
  }
}
