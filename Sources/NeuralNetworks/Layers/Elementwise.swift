// Owns the layers that work element by element, and the flattening of images to vectors.

import COneDNN

/// max(x, 0).
struct ReLU: Layer {
  func outputShape(_ inputs: [[Int]]) -> [Int] { inputs[0] }

  func plan(_ node: PlannedNode, _ plan: PlanBuilder) throws -> (() throws -> Void)? {
    let x = plan.value(node.inputs[0])
    let y = try plan.makeMemory(x.layout)
    let count = y.floatCount
    plan.emit([x, y]) { Kernels.relu(x.floats, into: y.floats, count) }
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
    let y = try plan.makeMemory(a.layout)
    try plan.emitAddition(a, b, into: y, relu: relu)
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
  func emitAddition(_ a: Memory, _ b: Memory, into y: Memory, relu: Bool) throws {
    // With a ReLU, oneDNN 2.6's addition is wrong in padded layouts, in place or with AVX.
    let isPadded = y.floatCount > y.shape.reduce(1, *)
    let descriptor = try PrimitiveDescriptor(
      "addition", engine, attributes: Attributes(relu: relu && !isPadded), keeping: [a, b, y]
    ) { made, engine, attributes in
      onednn_addition(made, engine, a.layout.handle, b.layout.handle, y.layout.handle, attributes)
    }
    try emit(descriptor, [(.source, a), (.second_source, b), (.target, y)])
    if relu && isPadded {
      emit([y]) { Kernels.relu(y.floats, into: y.floats, y.floatCount) }
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
    plan.setValue(node.value, try plan.reshape(plain, to: [plan.batch, shape[1...].reduce(1, *)]))
    guard node.needsBackward else { return nil }
    return {
      guard let dy = try plan.gradient(of: node.value), plan.needsGradient(node.inputs[0]) else { return }
      try plan.contribute(try plan.reshape(dy, to: shape), to: node.inputs[0], owned: false)
    }
  }
}

/// (x − mean)/deviation per channel, by the segment's standardisation.
struct Standardise: Layer {
  func outputShape(_ inputs: [[Int]]) -> [Int] { inputs[0] }

  func plan(_ node: PlannedNode, _ plan: PlanBuilder) throws -> (() throws -> Void)? {
    let shape = plan.value(node.inputs[0]).shape
    let x = try plan.convert(plan.value(node.inputs[0]), to: .plain(shape))
    let y = try plan.makeMemory(.plain(shape))
    let standardisation = node.segment.standardisation!
    let (planes, size) = (shape[0] * shape[1], shape[2] * shape[3])
    let (mean, deviation) = (standardisation.mean, standardisation.deviation)
    plan.emit([x, y]) {
      for plane in 0..<planes {
        let (from, to) = (x.floats + plane * size, y.floats + plane * size)
        let (m, d) = (mean[plane % mean.count], deviation[plane % mean.count])
        for i in 0..<size { to[i] = (from[i] - m) / d }
      }
    }
    plan.setValue(node.value, y)
    guard node.needsBackward else { return nil }
    return {
      guard let gradient = try plan.gradient(of: node.value), plan.needsGradient(node.inputs[0]) else {
        return
      }
      let dy = try plan.convert(gradient, to: .plain(shape))
      let dx = try plan.makeMemory(.plain(shape))
      plan.emit([dy, dx]) {
        for plane in 0..<planes {
          let (from, to) = (dy.floats + plane * size, dx.floats + plane * size)
          let d = deviation[plane % deviation.count]
          for i in 0..<size { to[i] = from[i] / d }
        }
      }
      try plan.contribute(dx, to: node.inputs[0], owned: true)
    }
  }
}
