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
    let flags =
      dnnl_use_scale.rawValue | dnnl_use_shift.rawValue
      | (running ? dnnl_use_global_stats.rawValue : 0) | (relu ? dnnl_fuse_norm_relu.rawValue : 0)
    // Inference would not deliver the batch's statistics.
    let inference = running && !node.needsBackward
    var desc = x.desc
    var operation = dnnl_batch_normalization_desc_t()
    try check(
      dnnl_batch_normalization_forward_desc_init(
        &operation, inference ? dnnl_forward_inference : dnnl_forward_training, &desc, Self.epsilon, flags),
      "batch norm \(name)")
    let forward = try PrimitiveDescriptor("batch norm \(name)", plan.engine, operation: &operation)
    let y = try plan.makeMemory(x.desc)
    let mean = running ? runningMean : try plan.makeMemory(.plain([channels]))
    let variance = running ? runningVariance : try plan.makeMemory(.plain([channels]))
    var workspace: Memory?
    let workspaceDesc = forward.desc(dnnl_query_workspace_md)
    if relu, !inference, workspaceDesc.byteCount > 0 { workspace = try plan.makeMemory(workspaceDesc) }
    try plan.emit(
      forward,
      [
        (DNNL_ARG_SRC, x), (DNNL_ARG_DST, y), (DNNL_ARG_MEAN, mean), (DNNL_ARG_VARIANCE, variance),
        (DNNL_ARG_SCALE, scale), (DNNL_ARG_SHIFT, shift),
      ] + (workspace.map { [(DNNL_ARG_WORKSPACE, $0)] } ?? []))
    plan.setValue(node.value, y)
    if node.segment.statistics == .batchAndUpdate {
      let perChannel = x.desc.shape.enumerated().reduce(1) { $1.offset == 1 ? $0 : $0 * $1.element }
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
      var desc = x.desc
      var operation = dnnl_batch_normalization_desc_t()
      try check(
        dnnl_batch_normalization_backward_desc_init(
          &operation, node.isTrained ? dnnl_backward : dnnl_backward_data, &desc, &desc, Self.epsilon, flags),
        "gradient of batch norm \(name)")
      let backward = try PrimitiveDescriptor(
        "gradient of batch norm \(name)", plan.engine, hint: forward, operation: &operation)
      let dx = try plan.makeMemory(x.desc)
      var arguments = [
        (DNNL_ARG_SRC, x), (DNNL_ARG_MEAN, mean), (DNNL_ARG_VARIANCE, variance),
        (DNNL_ARG_SCALE, scale), (DNNL_ARG_SHIFT, shift), (DNNL_ARG_DIFF_DST, dy), (DNNL_ARG_DIFF_SRC, dx),
      ]
      if let workspace { arguments.append((DNNL_ARG_WORKSPACE, workspace)) }
      if node.isTrained {
        arguments.append((DNNL_ARG_DIFF_SCALE, try plan.gradient(node, "\(name).weight")))
        arguments.append((DNNL_ARG_DIFF_SHIFT, try plan.gradient(node, "\(name).bias")))
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
