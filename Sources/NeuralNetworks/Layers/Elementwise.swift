// Owns the layers that work element by element, and the flattening of images to vectors.

import CKernels

/// max(x, 0).
struct ReLU: Layer {
  func outputShape(_ inputs: [[Int]]) -> [Int] { inputs[0] }

  func plan(_ node: PlannedNode, _ plan: PlanBuilder) throws -> (() throws -> Void)? {
    let x = plan.value(node.inputs[0])
    let y = plan.makeMemory(x.layout)
    let count = Int64(y.valueCount)
    let half = x.layout.isHalf
    plan.emit("ReLU", [x, y]) { kernels_add(count, half, $0.bytes(x), nil, nil, true, $0.bytes(y)) }
    plan.setValue(node.value, y)
    guard node.needsBackward else { return nil }
    return {
      guard let dx = try plan.gradient(of: node.value, mask: y), plan.needsGradient(node.inputs[0]) else {
        return
      }
      try plan.contribute(dx, to: node.inputs[0], owned: true)
    }
  }
}

/// The sum of two values, and a ReLU of it where one is fused.
struct Add: Layer {
  var relu = false

  func outputShape(_ inputs: [[Int]]) -> [Int] { inputs[0] }

  func plan(_ node: PlannedNode, _ plan: PlanBuilder) throws -> (() throws -> Void)? {
    let a = plan.value(node.inputs[0])
    let b = try plan.convert(plan.value(node.inputs[1]), to: a.layout)
    let y = plan.makeMemory(a.layout)
    plan.emitAddition(a, b, into: y, relu: relu)
    plan.setValue(node.value, y)
    guard node.needsBackward else { return nil }
    return {
      guard let dy = try plan.gradient(of: node.value, mask: relu ? y : nil) else { return }
      for input in node.inputs where plan.needsGradient(input) {
        try plan.contribute(dy, to: input, owned: false)
      }
    }
  }
}

extension PlanBuilder {
  /// Adds two memories of one layout, and takes the ReLU where wanted; the target may be the first of them.
  func emitAddition(_ a: Memory, _ b: Memory, into y: Memory, relu: Bool) {
    let count = Int64(y.valueCount)
    let half = y.layout.isHalf
    emit("addition", [a, b, y]) {
      kernels_add(count, half, $0.bytes(a), $0.bytes(b), nil, relu, $0.bytes(y))
    }
  }
}

/// C×H×W to a vector, row by row.
struct Flatten: Layer {
  func outputShape(_ inputs: [[Int]]) -> [Int] { [inputs[0].reduce(1, *)] }

  func plan(_ node: PlannedNode, _ plan: PlanBuilder) throws -> (() throws -> Void)? {
    let x = plan.value(node.inputs[0])
    let shape = x.shape
    let plain = try plan.convert(x, to: .plain(shape))
    plan.setValue(node.value, plan.reshape(plain, to: [plan.batch, shape[1...].reduce(1, *)]))
    guard node.needsBackward else { return nil }
    return {
      guard let dy = try plan.gradient(of: node.value), plan.needsGradient(node.inputs[0]) else { return }
      try plan.contribute(
        plan.reshape(plan.convert(dy, to: .plain(dy.shape)), to: shape), to: node.inputs[0], owned: false)
    }
  }
}

/// (x − mean)/deviation per channel, by the segment's standardisation.
struct Standardise: Layer {
  func outputShape(_ inputs: [[Int]]) -> [Int] { inputs[0] }

  func plan(_ node: PlannedNode, _ plan: PlanBuilder) throws -> (() throws -> Void)? {
    let (x, images) = try plan.convertToImages(plan.value(node.inputs[0]))
    let standardisation = node.segment.standardisation!
    // Both per channel, those that fill up a block included: 1/deviation and −mean/deviation.
    let scale =
      standardisation.deviation.map { 1 / $0 } + .init(repeating: 0, count: Int(kernels_channels(images)))
    let shift =
      zip(standardisation.mean, standardisation.deviation).map { -$0 / $1 }
      + .init(repeating: 0, count: Int(kernels_channels(images)))
    let zero = [Float](repeating: 0, count: Int(kernels_channels(images)))
    let apply = {
      let y = plan.makeMemory(x.layout)
      plan.emit("standardisation", [x, y]) {
        kernels_normalise(images, $0.bytes(x), scale, shift, kernels_addend(), false, $0.bytes(y))
      }
      return y
    }
    plan.setValue(node.value, apply(), again: apply)
    guard node.needsBackward else { return nil }
    return {
      guard let dy = try plan.gradient(of: node.value), plan.needsGradient(node.inputs[0]) else { return }
      let dx = plan.makeMemory(x.layout)
      plan.emit("gradient of standardisation", [dy, dx]) {
        kernels_normalise(images, $0.bytes(dy), scale, zero, kernels_addend(), false, $0.bytes(dx))
      }
      try plan.contribute(dx, to: node.inputs[0], owned: true)
    }
  }
}
