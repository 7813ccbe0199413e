// Owns batch normalisation: its three sources of statistics and the running averages, which oneDNN leaves
// to us.

import COneDNN

/// y = γ (x − μ)/√(σ²+ε) + β per channel (Ioffe & Szegedy 2015; PyTorch's BatchNorm2d).
struct BatchNorm: Layer {
  static let epsilon: Float = 1e-5
  static let momentum: Float = 0.1

  let name: String
  let channels: Int
  /// Whether a ReLU follows, computed with it; which elements it let through is kept as oneDNN's workspace.
  var relu = false

  init(_ name: String, channels: Int) {
    self.name = name
    self.channels = channels
  }

  var parameters: [ParameterDeclaration] {
    [("weight", .scale), ("bias", .shift), ("running_mean", .mean), ("running_var", .variance)].map {
      ParameterDeclaration(name: "\(name).\($0)", shape: [channels], role: $1)
    }
  }

  func outputShape(_ inputs: [[Int]]) -> [Int] { inputs[0] }

  /// Its live tensors.
  func tensors(
    _ node: PlannedNode, _ plan: PlanBuilder
  ) throws -> (scale: Memory, shift: Memory, mean: Memory, variance: Memory) {
    (
      try plan.parameter(node, "\(name).weight"), try plan.parameter(node, "\(name).bias"),
      try plan.parameter(node, "\(name).running_mean"), try plan.parameter(node, "\(name).running_var")
    )
  }

  func plan(_ node: PlannedNode, _ plan: PlanBuilder) throws -> (() throws -> Void)? {
    let x = plan.value(node.inputs[0])
    let running = node.segment.statistics == .running
    let (scale, shift, runningMean, runningVariance) = try tensors(node, plan)
    // Inference would not deliver the batch's statistics.
    let inference = running && !node.needsBackward
    var norm = onednn_batch_norm(
      layout: x.layout.handle, epsilon: Self.epsilon, uses_given_statistics: running, relu: relu,
      for_inference: inference)
    let forward = try PrimitiveDescriptor("batch norm \(name)", plan.engine, keeping: [x]) {
      onednn_batch_norm_forward($0, $1, &norm, $2)
    }
    let y = try plan.makeMemory(x.layout)
    let mean = running ? runningMean : try plan.makeMemory(.plain([channels]))
    let variance = running ? runningVariance : try plan.makeMemory(.plain([channels]))
    var workspace: Memory?
    if relu, !inference { workspace = try forward.optionalLayout(.workspace).map { try plan.makeMemory($0) } }
    try plan.emit(
      forward,
      [
        (.source, x), (.target, y), (.mean, mean), (.variance, variance), (.scale, scale), (.shift, shift),
      ] + (workspace.map { [(.workspace, $0)] } ?? []))
    plan.setValue(node.value, y)
    if node.segment.statistics == .batchAndUpdate {
      let perChannel = x.shape.enumerated().reduce(1) { $1.offset == 1 ? $0 : $0 * $1.element }
      guard perChannel > 1 else {
        throw NetworkError("batch norm \(name): one value per channel has no variance; use a larger batch")
      }
      planRunningUpdate(
        plan, mean: mean, variance: variance, count: perChannel, runningMean, runningVariance,
        node.segment.parameters)
    }
    guard node.needsBackward else { return nil }

    return {
      guard let dy = try plan.gradient(of: node.value) else { return }
      let backward = try PrimitiveDescriptor(
        "gradient of batch norm \(name)", plan.engine, keeping: [x, forward]
      ) { onednn_batch_norm_backward($0, $1, &norm, $2, forward.handle) }
      let dx = try plan.makeMemory(x.layout)
      var arguments: [(onednn_role, Memory)] = [
        (.source, x), (.mean, mean), (.variance, variance), (.scale, scale), (.target_gradient, dy),
        (.source_gradient, dx),
      ]
      if let workspace { arguments.append((.workspace, workspace)) }
      if onednn_batch_norm_backward_takes_shift { arguments.append((.shift, shift)) }
      // Of a frozen one they are computed for nobody.
      for (role, name) in [(onednn_role.scale_gradient, "weight"), (.shift_gradient, "bias")] {
        let target =
          node.isTrained
          ? try plan.gradient(node, "\(self.name).\(name)") : try plan.makeMemory(.plain([channels]))
        arguments.append((role, target))
      }
      try plan.emit(backward, arguments)
      if plan.needsGradient(node.inputs[0]) {
        try plan.contribute(dx, to: node.inputs[0], owned: true)
      }
    }
  }

  /// running ← 0.9 running + 0.1 batch, with the unbiased variance, as PyTorch does.
  private func planRunningUpdate(
    _ plan: PlanBuilder, mean: Memory, variance: Memory, count: Int, _ runningMean: Memory,
    _ runningVariance: Memory, _ parameters: ParameterSet
  ) {
    let unbiased = Float(count) / Float(count - 1)
    let channels = channels
    plan.emit([mean, variance, runningMean, runningVariance]) {
      for c in 0..<channels {
        runningMean.floats[c] =
          Self.momentum * mean.floats[c] + (1 - Self.momentum) * runningMean.floats[c]
        runningVariance.floats[c] =
          Self.momentum * (unbiased * variance.floats[c])
          + (1 - Self.momentum) * runningVariance.floats[c]
      }
      parameters.statisticsChanged()
    }
  }
}
