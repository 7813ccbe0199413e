// Owns pooling over space: the maximum of windows, the mean of everything.

import COneDNN

/// The maximum of each window, windows side by side; a rest at the right or bottom is left out.
struct MaxPooling: Layer {
  let window: Int

  func outputShape(_ inputs: [[Int]]) -> [Int] {
    [inputs[0][0], inputs[0][1] / window, inputs[0][2] / window]
  }

  func plan(_ node: PlannedNode, _ plan: PlanBuilder) throws -> (() throws -> Void)? {
    try planPooling(
      node, plan, dnnl_pooling_max, kernel: [window, window],
      outputShape([Array(plan.value(node.inputs[0]).desc.shape.dropFirst())]))
  }
}

/// The mean over space: C×H×W to C×1×1.
struct GlobalAveragePooling: Layer {
  func outputShape(_ inputs: [[Int]]) -> [Int] { [inputs[0][0], 1, 1] }

  func plan(_ node: PlannedNode, _ plan: PlanBuilder) throws -> (() throws -> Void)? {
    let shape = plan.value(node.inputs[0]).desc.shape
    return try planPooling(
      node, plan, dnnl_pooling_avg_exclude_padding, kernel: Array(shape[2...]), [shape[1], 1, 1])
  }
}

private func planPooling(
  _ node: PlannedNode, _ plan: PlanBuilder, _ algorithm: dnnl_alg_kind_t, kernel: [Int], _ output: [Int]
) throws -> (() throws -> Void)? {
  let x = plan.value(node.inputs[0])
  let window = kernel.map(Int64.init)
  let none: [Int64] = [0, 0]
  var source = x.desc
  var target = dnnl_memory_desc_t.any([plan.batch] + output)
  var operation = dnnl_pooling_desc_t()
  try check(
    dnnl_pooling_forward_desc_init(
      &operation, node.needsBackward ? dnnl_forward_training : dnnl_forward_inference, algorithm, &source,
      &target, window, window, none, none), "pooling")
  let forward = try PrimitiveDescriptor("pooling", plan.engine, operation: &operation)
  let y = try plan.makeMemory(forward.desc(dnnl_query_dst_md))
  let workspaceDesc = forward.desc(dnnl_query_workspace_md)
  let workspace = workspaceDesc.byteCount > 0 ? try plan.makeMemory(workspaceDesc) : nil
  let extra = workspace.map { [(DNNL_ARG_WORKSPACE, $0)] } ?? []
  try plan.emit(forward, [(DNNL_ARG_SRC, x), (DNNL_ARG_DST, y)] + extra)
  plan.setValue(node.value, y)
  guard node.needsBackward else { return nil }

  return {
    guard let dy = try plan.gradient(of: node.value), plan.needsGradient(node.inputs[0]) else { return }
    var source = x.desc
    var target = y.desc
    var operation = dnnl_pooling_desc_t()
    try check(
      dnnl_pooling_backward_desc_init(
        &operation, algorithm, &source, &target, window, window, none, none), "gradient of pooling")
    let backward = try PrimitiveDescriptor(
      "gradient of pooling", plan.engine, hint: forward, operation: &operation)
    let dx = try plan.makeMemory(x.desc)
    try plan.emit(backward, [(DNNL_ARG_DIFF_DST, dy), (DNNL_ARG_DIFF_SRC, dx)] + extra)
    try plan.contribute(dx, to: node.inputs[0], owned: true)
  }
}
