// Owns the two-dimensional convolution, with what may be fused into it.

import COneDNN

/// Cross-correlation of C×H×W with O×C×k×k weights (PyTorch's Conv2d), zero padding p on every side: makes
/// O×H'×W' with H' = ⌊(H + 2p − k)/stride⌋ + 1, W' likewise.
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
    let ofVectors = plan.value(node.inputs[0]).shape.count == 2
    let x = try plan.images(plan.value(node.inputs[0]))
    let (forward, fusesAddition) = try forward(plan, source: x.shape)
    let addend =
      addsInput ? try plan.convert(plan.value(node.inputs[1]), to: forward.layout(.target)) : nil

    let (plainWeights, plainBias) = constants(node, plan)
    let w = try plan.prepacking(node, usesStatistics: folded != nil) {
      try plan.convert(plainWeights, to: forward.layout(.weights))
    }
    let y = plan.makeMemory(try forward.layout(.target))
    var arguments: [(onednn_role, Memory)] = [
      (.source, try plan.convert(x, to: forward.layout(.source))), (.weights, w), (.target, y),
    ]
    if let plainBias { arguments.append((.bias, plainBias)) }
    if let addend, fusesAddition { arguments.append((.addend, addend)) }
    try plan.emit(forward, arguments)
    if let addend, !fusesAddition { plan.emitAddition(y, addend, into: y, relu: relu) }
    plan.setValue(node.value, ofVectors ? try plan.vectors(y) : y)
    guard node.needsBackward else { return nil }

    return {
      guard let gradient = try plan.gradient(of: node.value, mask: relu ? y : nil) else { return }
      let dy = try plan.images(gradient)
      if addsInput, plan.needsGradient(node.inputs[1]) {
        try plan.contribute(dy, to: node.inputs[1], owned: false)
      }
      if node.isTrained {
        let x = try plan.images(plan.valueAgain(node.inputs[0]))
        try planWeightGradient(node, plan, x: x, dy: dy)
      }
      if plan.needsGradient(node.inputs[0]) {
        let backward = try descriptor(.backwardSource, plan, source: x.shape)
        let w = try plan.prepacking(node, usesStatistics: folded != nil) {
          try plan.convert(plainWeights, to: backward.layout(.weights))
        }
        let dx = plan.makeMemory(try backward.layout(.source_gradient))
        let target = try plan.convert(dy, to: backward.layout(.target_gradient))
        try plan.emit(backward, [(.target_gradient, target), (.weights, w), (.source_gradient, dx)])
        try plan.contribute(ofVectors ? plan.vectors(dx) : dx, to: node.inputs[0], owned: true)
      }
    }
  }

  /// The forward primitive with as much fused into it as oneDNN does fast, and whether the addition is among
  /// it; where it isn't, addition and ReLU are a step of their own.
  private func forward(
    _ plan: PlanBuilder, source: [Int]
  ) throws -> (PrimitiveDescriptor, fusesAddition: Bool) {
    let alone = try descriptor(
      .forward, plan, source: source, attributes: Attributes(relu: relu && !addsInput))
    guard addsInput else { return (alone, false) }
    let target = try alone.layout(.target)
    let adding = try? descriptor(
      .forward, alone.algorithm, plan, source: source, target: target,
      attributes: Attributes(addend: target, relu: relu))
    guard let adding, !adding.isReference else { return (alone, false) }
    return (adding, true)
  }

  private enum Direction: String {
    case forward = "convolution"
    case backwardSource = "gradient of convolution"
    case backwardWeights = "weight gradient of convolution"
  }

  /// One of the three primitives of this convolution, by the algorithm and in the layouts that suit it best.
  /// - Parameter source: the input's shape, N×C×H×W.
  private func descriptor(
    _ direction: Direction, _ plan: PlanBuilder, source: [Int], attributes: Attributes? = nil
  ) throws -> PrimitiveDescriptor {
    // Which algorithm is taken decides bits, so it may depend on nothing but shapes and library.
    if gainsFromWinograd(source),
      let winograd = try? descriptor(
        direction, .winograd, plan, source: source, attributes: attributes), !winograd.isReference
    {
      return winograd
    }
    return try descriptor(direction, .direct, plan, source: source, attributes: attributes)
  }

  /// Whether Winograd's algorithm is faster where the library has it (2.6 with AVX-512): it saves up to three quarters
  /// of the multiplications of 3×3 kernels, but moves more bytes (Lavin & Gray 2016), and computes 4×4 pixels at a time,
  /// wanted or not.
  private func gainsFromWinograd(_ source: [Int]) -> Bool {
    let (height, width) = (source[2], source[3])
    let computed = (height + 3) / 4 * 4 * ((width + 3) / 4 * 4)
    return 2 * computed <= 3 * height * width && kernel == 3 && stride == 1 && padding == 1
      && inChannels >= 32 && outChannels >= 32
      && inChannels % 16 == 0 && outChannels % 16 == 0
  }

  /// - Parameter target: the layout of what it makes, where that is decided already.
  private func descriptor(
    _ direction: Direction, _ algorithm: onednn_algorithm, _ plan: PlanBuilder, source: [Int],
    target: Layout? = nil, attributes: Attributes? = nil
  ) throws -> PrimitiveDescriptor {
    // oneDNN asks backward ones for the forward one that they belong to.
    let forward =
      direction == .forward ? nil : try descriptor(.forward, algorithm, plan, source: source)
    let x = Layout.any(source, plan.element)
    let y = target ?? .any([source[0]] + outputShape([Array(source.dropFirst())]), plan.element)
    let w = Layout.any(weightShape, direction == .backwardWeights ? .float32 : plan.element)
    let b = Layout.plain([outChannels])
    let usesBias = hasBias || (direction == .forward && folded != nil)
    let (stride, padding) = (Int64(stride), Int64(padding))
    var convolution = onednn_convolution(
      algorithm: algorithm, source: x.handle, weights: w.handle, bias: usesBias ? b.handle : nil,
      target: y.handle, stride: (stride, stride), padding: (padding, padding))
    let operations = 2 * y.shape.reduce(1, *) * inChannels * kernel * kernel
    return try PrimitiveDescriptor(
      "\(direction.rawValue) \(name)", plan.engine, attributes: attributes, algorithm: algorithm,
      operations: operations, keeping: [x, y, w, b, forward]
    ) { made, engine, attributes in
      switch direction {
      case .forward: onednn_convolution_forward(made, engine, &convolution, attributes)
      case .backwardSource:
        onednn_convolution_backward_source(made, engine, &convolution, attributes, forward!.handle)
      case .backwardWeights:
        onednn_convolution_backward_weights(made, engine, &convolution, attributes, forward!.handle)
      }
    }
  }

  private func planWeightGradient(
    _ node: PlannedNode, _ plan: PlanBuilder, x: Memory, dy: Memory
  ) throws {
    let backward = try descriptor(.backwardWeights, plan, source: x.shape)
    // Each tile's own, so that they are added in one order.
    let dw = plan.makeMemory(try backward.layout(.weights_gradient))
    let db = hasBias ? plan.makeMemory(.plain([outChannels])) : nil
    try plan.emit(
      backward,
      [
        (.source, try plan.convert(x, to: backward.layout(.source))),
        (.target_gradient, try plan.convert(dy, to: backward.layout(.target_gradient))),
        (.weights_gradient, dw),
      ] + (db.map { [(.bias_gradient, $0)] } ?? []))
    try plan.sum(dw, into: plan.gradient(node, weightName, as: weightShape), backward.name)
    if let db { try plan.sum(db, into: plan.gradient(node, biasName), backward.name) }
  }

  /// Row-major weights and bias: the parameters, or with a folded batch norm γ/√(σ²+ε)·w and β − γμ/√(σ²+ε).
  private func constants(_ node: PlannedNode, _ plan: PlanBuilder) -> (Memory, Memory?) {
    let weights = plan.parameter(node, weightName, as: weightShape)
    let ownBias = hasBias ? plan.parameter(node, biasName) : nil
    guard let folded else { return (weights, ownBias) }
    let norm = folded.tensors(node, plan)
    return plan.prepacking(node, usesStatistics: true) {
      let w = plan.makeMemory(.plain(weightShape))
      let b = plan.makeMemory(.plain([outChannels]))
      let perOutput = inChannels * kernel * kernel
      plan.emitShared(
        "folding of batch norm \(folded.name)",
        norm.memories + [weights, w, b] + (ownBias.map { [$0] } ?? [])
      ) { at in
        let (from, to) = (at.floats(weights), at.floats(w))
        for o in 0..<outChannels {
          let factor =
            at.floats(norm.scale)[o] / (at.floats(norm.variance)[o] + BatchNorm.epsilon).squareRoot()
          let shift = (ownBias.map { at.floats($0)[o] } ?? 0) - at.floats(norm.mean)[o]
          at.floats(b)[o] = at.floats(norm.shift)[o] + shift * factor
          for i in (o * perOutput)..<((o + 1) * perOutput) { to[i] = from[i] * factor }
        }
      }
      return (w, b)
    }
  }
}

extension PlanBuilder {
  /// Vectors, N × C, as images of one pixel, N × C × 1 × 1; images as they are.
  fileprivate func images(_ memory: Memory) throws -> Memory {
    guard memory.shape.count == 2 else { return memory }
    return reshape(
      try convert(memory, to: .plain(memory.shape, memory.layout.element)), to: memory.shape + [1, 1])
  }

  /// Images of one pixel as vectors.
  fileprivate func vectors(_ memory: Memory) throws -> Memory {
    reshape(
      try convert(memory, to: .plain(memory.shape, memory.layout.element)), to: Array(memory.shape.prefix(2)))
  }
}
