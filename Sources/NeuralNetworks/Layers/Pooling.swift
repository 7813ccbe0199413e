// Owns pooling over space: the maximum of windows, the mean of everything.

import COneDNN

/// The maximum of each window (PyTorch's MaxPool2d): windows `stride` apart, side by side by default; what `padding`
/// adds on every side is never the maximum; a rest at the right or bottom is left out.
struct MaxPooling: Layer {
  let window: Int
  let stride: Int
  let padding: Int

  init(window: Int, stride: Int? = nil, padding: Int = 0) {
    self.window = window
    self.stride = stride ?? window
    self.padding = padding
  }

  func outputShape(_ inputs: [[Int]]) -> [Int] {
    let size = { (n: Int) in (n + 2 * padding - window) / stride + 1 }
    return [inputs[0][0], size(inputs[0][1]), size(inputs[0][2])]
  }

  func plan(_ node: PlannedNode, _ plan: PlanBuilder) throws -> (() throws -> Void)? {
    try planPooling(
      node, plan, .maximum, window: [window, window], stride: stride, padding: padding,
      outputShape([Array(plan.value(node.inputs[0]).shape.dropFirst())]))
  }
}

/// The mean over space: C×H×W to C×1×1.
struct GlobalAveragePooling: Layer {
  func outputShape(_ inputs: [[Int]]) -> [Int] { [inputs[0][0], 1, 1] }

  func plan(_ node: PlannedNode, _ plan: PlanBuilder) throws -> (() throws -> Void)? {
    let shape = plan.value(node.inputs[0]).shape
    return try planPooling(
      node, plan, .mean, window: Array(shape[2...]), stride: 1, padding: 0, [shape[1], 1, 1])
  }
}

private func planPooling(
  _ node: PlannedNode, _ plan: PlanBuilder, _ kind: onednn_pooling_kind, window: [Int], stride: Int,
  padding: Int,
  _ output: [Int]
) throws -> (() throws -> Void)? {
  let x = plan.value(node.inputs[0])
  let window = (Int64(window[0]), Int64(window[1]))
  let (stride, padding) = (Int64(stride), Int64(padding))
  let wanted = Layout.any([plan.batch] + output, x.layout.element)
  var pooling = onednn_pooling(
    kind: kind, source: x.layout.handle, target: wanted.handle, window: window,
    stride: (stride, stride), padding: (padding, padding), for_inference: !node.needsBackward)
  let forward = try PrimitiveDescriptor("pooling", plan.engine, keeping: [x, wanted]) {
    onednn_pooling_forward($0, $1, &pooling, $2)
  }
  let y = plan.makeMemory(try forward.layout(.target))
  let workspace = try forward.optionalLayout(.workspace).map { plan.makeMemory($0) }
  let extra: [(onednn_role, Memory)] = workspace.map { [(.workspace, $0)] } ?? []
  try plan.emit(forward, [(.source, x), (.target, y)] + extra)
  plan.setValue(node.value, y)
  guard node.needsBackward else { return nil }

  return {
    guard let dy = try plan.gradient(of: node.value), plan.needsGradient(node.inputs[0]) else { return }
    var pooling = onednn_pooling(
      kind: kind, source: x.layout.handle, target: y.layout.handle, window: window,
      stride: (stride, stride), padding: (padding, padding), for_inference: false)
    let backward = try PrimitiveDescriptor("gradient of pooling", plan.engine, keeping: [x, y, forward]) {
      onednn_pooling_backward($0, $1, &pooling, $2, forward.handle)
    }
    let dx = plan.makeMemory(x.layout)
    try plan.emit(backward, [(.target_gradient, dy), (.source_gradient, dx)] + extra)
    try plan.contribute(dx, to: node.inputs[0], owned: true)
  }
}
