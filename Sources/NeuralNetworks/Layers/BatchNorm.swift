// Owns batch normalisation: its three sources of statistics, the running averages, and what is computed in the same
// pass: an addition and a ReLU.

import CKernels

/// y = γ (x − μ)/√(σ²+ε) + β per channel (Ioffe & Szegedy 2015; PyTorch's BatchNorm2d), as scale · x + shift.
///
/// The batch's sums are made per image in Float and added in Double in the order of the images. y is not kept for the
/// backward pass where x is enough to make it again.
struct BatchNorm: Layer {
  static let epsilon: Float = 1e-5
  static let momentum: Float = 0.1

  let name: String
  let channels: Int
  /// Whether a second input is added to the result.
  var addsInput = false
  /// Whether a ReLU comes last.
  var relu = false
  /// Whether scale and shift are left to the addition that takes the value.
  var leavesItsMap = false

  init(_ name: String, channels: Int) {
    self.name = name
    self.channels = channels
  }

  /// Whether neither an addition nor a ReLU is computed with it yet.
  var isLinear: Bool { !addsInput && !relu && !leavesItsMap }

  var parameters: [ParameterDeclaration] {
    [("weight", .scale), ("bias", .shift), ("running_mean", .mean), ("running_var", .variance)].map {
      ParameterDeclaration(name: "\(name).\($0)", shape: [channels], role: $1)
    }
  }

  func outputShape(_ inputs: [[Int]]) -> [Int] { inputs[0] }

  /// Its live tensors.
  func tensors(_ node: PlannedNode, _ plan: PlanBuilder) -> BatchNormTensors {
    BatchNormTensors(
      scale: plan.parameter(node, "\(name).weight"), shift: plan.parameter(node, "\(name).bias"),
      mean: plan.parameter(node, "\(name).running_mean"),
      variance: plan.parameter(node, "\(name).running_var"))
  }

  func plan(_ node: PlannedNode, _ plan: PlanBuilder) throws -> (() throws -> Void)? {
    let (x, images) = try plan.convertToImages(plan.value(node.inputs[0]))
    let values = BatchNormValues(channels: channels, padded: Int(kernels_channels(images)), plan)
    try planValues(values, of: x, images, node, plan)
    let map = ChannelValues(memory: values.memory, scale: values.scale, shift: values.shift)
    guard !leavesItsMap else {
      plan.setValue(node.value, x, affine: map)
      return node.needsBackward ? { try planBackward(node, plan, x, images, values, output: nil) } : nil
    }
    let addend = try addsInput ? plan.convert(plan.value(node.inputs[1]), to: x.layout) : nil
    let addendMap = addsInput ? plan.affine(node.inputs[1]) : nil
    let apply = { [relu, name] in
      let y = plan.makeMemory(x.layout)
      let memories = [x, values.memory, addend, addendMap?.memory, y].compactMap { $0 }
      plan.emit("batch norm \(name)", memories) { at in
        let v = at.floats(values.memory)
        let other = addendMap.map { UnsafePointer(at.floats($0.memory)) }
        kernels_normalise(
          images, at.bytes(x), v + values.scale, v + values.shift,
          kernels_addend(
            values: addend.map { UnsafeRawPointer(at.bytes($0)) }, scale: other.map { $0 + addendMap!.scale },
            shift: other.map { $0 + addendMap!.shift }), relu, at.bytes(y))
      }
      return y
    }
    let y = apply()
    plan.setValue(node.value, y, again: addsInput ? nil : apply)
    guard node.needsBackward else { return nil }
    return { try planBackward(node, plan, x, images, values, output: relu && addsInput ? y : nil) }
  }

  /// The steps that make `values`.
  private func planValues(
    _ values: BatchNormValues, of x: Memory, _ images: kernels_images, _ node: PlannedNode,
    _ plan: PlanBuilder
  ) throws {
    let live = tensors(node, plan)
    if node.segment.statistics == .running {
      plan.prepacking(node, usesStatistics: true) {
        plan.emitShared("values of batch norm \(name)", live.memories + [values.memory]) { at in
          values.compute(
            at, live, mean: { Double(at.floats(live.mean)[$0]) },
            variance: { Double(at.floats(live.variance)[$0]) })
        }
      }
      return
    }
    let perTile = Int(images.images)
    let (tiles, count) = (plan.tiles, perTile * plan.tiles * Int(images.pixels))
    let updates = node.segment.statistics == .batchAndUpdate
    guard count > 1 || !updates else {
      throw NetworkError("batch norm \(name): one value per channel has no variance; use a larger batch")
    }
    let sums = plan.makeMemory(.plain([perTile, 3, Int(kernels_channels(images))]))
    plan.emit("statistics of batch norm \(name)", [x, sums]) {
      kernels_moments(images, $0.bytes(x), $0.floats(sums))
    }
    plan.emitShared("values of batch norm \(name)", live.memories + [sums, values.memory]) { at in
      let moments = Moments(
        sums: (0..<tiles).map { UnsafePointer(at.floats(sums, ofTile: $0)) }, imagesEach: perTile,
        channels: Int(kernels_channels(images)), pixels: Int(images.pixels))
      let means = (0..<values.channels).map { moments.mean(of: $0) }
      let squares = means.enumerated().map { moments.squares(of: $0, around: $1) }
      values.compute(at, live, mean: { means[$0] }, variance: { squares[$0] / Double(count) })
      guard updates else { return }
      // running ← 0.9 running + 0.1 batch, with the unbiased variance, as PyTorch does.
      for c in 0..<values.channels {
        let (mean, variance) = (at.floats(live.mean) + c, at.floats(live.variance) + c)
        mean.pointee = Self.momentum * Float(means[c]) + (1 - Self.momentum) * mean.pointee
        variance.pointee =
          Self.momentum * Float(squares[c] / Double(count - 1))
          + (1 - Self.momentum) * variance.pointee
      }
    }
  }

  /// - Parameter output: y, where an addition lies between x and the ReLU.
  private func planBackward(
    _ node: PlannedNode, _ plan: PlanBuilder, _ x: Memory, _ images: kernels_images,
    _ values: BatchNormValues, output: Memory?
  ) throws {
    let parts = try plan.gradientParts(of: node.value)
    guard let first = parts.first else { return }
    let second = parts.dropFirst().first
    let addendNeedsIt = addsInput && plan.needsGradient(node.inputs[1])
    let usesBatch = node.segment.statistics != .running

    // What came through the ReLU: written where others want it too, else masked again.
    let g = second != nil || addendNeedsIt ? plan.makeMemory(x.layout) : nil
    let masksByOutput = output != nil
    let mask = { [relu] (at: Place) in
      let v = relu && !masksByOutput ? UnsafePointer(at.floats(values.memory)) : nil
      return kernels_mask(
        output: output.map { UnsafeRawPointer(at.bytes($0)) }, scale: v.map { $0 + values.scale },
        shift: v.map { $0 + values.shift })
    }
    let sums = plan.makeMemory(.plain([Int(images.images), 2, Int(kernels_channels(images))]))
    let all = [first, second, g, output, x, values.memory].compactMap { $0 }
    if g != nil || usesBatch || node.isTrained {
      plan.emit("gradient sums of batch norm \(name)", all + [sums]) { at in
        kernels_normalise_sums(
          images, at.bytes(first), second.map { UnsafeRawPointer(at.bytes($0)) }, mask(at), at.bytes(x),
          at.floats(values.memory) + values.mean, g.map { at.bytes($0) }, at.floats(sums))
      }
    }
    if let g, addendNeedsIt { try plan.contribute(g, to: node.inputs[1], owned: false) }
    if usesBatch || node.isTrained {
      planGradientValues(values, sums, images, node, plan, usesBatch: usesBatch)
    }
    guard plan.needsGradient(node.inputs[0]) else { return }
    let dx = plan.makeMemory(x.layout)
    let d = g ?? first
    plan.emit("gradient of batch norm \(name)", all + [dx]) { at in
      let v = at.floats(values.memory)
      let masked =
        g == nil ? mask(at) : kernels_mask(output: nil, scale: nil, shift: nil)
      kernels_normalise_gradient(
        images, at.bytes(d), masked, at.bytes(x), v + values.mean,
        usesBatch ? v + values.factor : v + values.scale, v + values.slope, v + values.offset, at.bytes(dx))
    }
    try plan.contribute(dx, to: node.inputs[0], owned: true)
  }

  /// The gradients of scale and shift, and with the batch's statistics what dx is made with.
  private func planGradientValues(
    _ values: BatchNormValues, _ sums: Memory, _ images: kernels_images, _ node: PlannedNode,
    _ plan: PlanBuilder, usesBatch: Bool
  ) {
    let scaleGradient = node.isTrained ? plan.gradient(node, "\(name).weight") : nil
    let shiftGradient = node.isTrained ? plan.gradient(node, "\(name).bias") : nil
    let perTile = Int(images.images)
    let (tiles, channels) = (plan.tiles, channels)
    let count = Double(perTile * tiles * Int(images.pixels))
    let memories = [sums, values.memory] + [scaleGradient, shiftGradient].compactMap { $0 }
    plan.emitShared("gradient values of batch norm \(name)", memories) { at in
      let v = at.floats(values.memory)
      for c in 0..<channels {
        var (g, gx) = (0.0, 0.0)
        for tile in 0..<tiles {
          let part = at.floats(sums, ofTile: tile)
          for image in 0..<perTile {
            g += Double(part[2 * image * Int(kernels_channels(images)) + c])
            gx += Double(part[(2 * image + 1) * Int(kernels_channels(images)) + c])
          }
        }
        let inverse = Double(v[values.inverse + c])
        if let scaleGradient, let shiftGradient {
          at.floats(scaleGradient)[c] = Float(inverse * gx)
          at.floats(shiftGradient)[c] = Float(g)
        }
        guard usesBatch else { continue }
        let factor = Double(v[values.scale + c])
        v[values.factor + c] = Float(factor)
        v[values.slope + c] = Float(-factor * inverse * inverse * gx / count)
        v[values.offset + c] = Float(-factor * g / count)
      }
    }
  }
}

/// A batch norm's live tensors.
struct BatchNormTensors {
  let scale: Memory
  let shift: Memory
  let mean: Memory
  let variance: Memory

  var memories: [Memory] { [scale, shift, mean, variance] }
}

/// What a batch norm multiplies with and adds, per channel, in one memory: each row has as many floats as channels,
/// those that fill up the last block included, which stay 0.
private struct BatchNormValues {
  let memory: Memory
  let channels: Int
  let padded: Int

  init(channels: Int, padded: Int, _ plan: PlanBuilder) {
    self.channels = channels
    self.padded = padded
    // Read in the backward pass too, and zero where there are no channels.
    memory = plan.makeShared(.plain([7, padded]), pinned: true)
  }

  /// μ
  var mean: Int { 0 }
  /// γ/√(σ²+ε) and β − μγ/√(σ²+ε)
  var scale: Int { padded }
  var shift: Int { 2 * padded }
  /// 1/√(σ²+ε)
  var inverse: Int { 3 * padded }
  /// dx = factor · g + slope · (x − μ) + offset
  var factor: Int { 4 * padded }
  var slope: Int { 5 * padded }
  var offset: Int { 6 * padded }

  func compute(
    _ at: Place, _ live: BatchNormTensors, mean: (Int) -> Double, variance: (Int) -> Double
  ) {
    let v = at.floats(memory)
    for c in 0..<channels {
      let mean = mean(c)
      let inverse = 1 / (variance(c) + Double(BatchNorm.epsilon)).squareRoot()
      let scale = Double(at.floats(live.scale)[c]) * inverse
      v[self.mean + c] = Float(mean)
      v[self.scale + c] = Float(scale)
      v[shift + c] = Float(Double(at.floats(live.shift)[c]) - mean * scale)
      v[self.inverse + c] = Float(inverse)
    }
  }
}

/// Mean and squares of a batch from the sums of its images (Chan et al. 1983), in their order.
private struct Moments {
  /// Of each tile images × 3 × channels: a value k, Σ(x − k), Σ(x − k)².
  let sums: [UnsafePointer<Float>]
  let imagesEach: Int
  let channels: Int
  let pixels: Int

  /// The mean of all pixels of a channel.
  func mean(of channel: Int) -> Double {
    var total = 0.0
    forEachImage(channel) { k, sum, _ in total += k + sum / Double(pixels) }
    return total / Double(sums.count * imagesEach)
  }

  /// The sum of their squared distances from their mean.
  func squares(of channel: Int, around mean: Double) -> Double {
    var total = 0.0
    forEachImage(channel) { k, sum, squares in
      let own = sum / Double(pixels)
      total += squares - own * sum + Double(pixels) * (k + own - mean) * (k + own - mean)
    }
    return max(total, 0)
  }

  private func forEachImage(_ channel: Int, _ body: (Double, Double, Double) -> Void) {
    for tile in sums {
      for image in 0..<imagesEach {
        let part = tile + 3 * image * channels + channel
        body(Double(part[0]), Double(part[channels]), Double(part[2 * channels]))
      }
    }
  }
}
