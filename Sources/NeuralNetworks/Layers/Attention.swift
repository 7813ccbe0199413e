// Owns multi-head self-attention of tokens that hold their queries, keys and values.

import CKernels

/// softmax(QKᵀ/√d) V for each head of d values (Vaswani et al. 2017, equation 1): T × 3·heads·d to T × heads·d. A
/// token's values are its queries, keys and values, each head by head.
struct Attention: Layer {
  let heads: Int

  var needsFloat32: Bool { true }

  func outputShape(_ inputs: [[Int]]) -> [Int] { [inputs[0][0], inputs[0][1] / 3] }

  func plan(_ node: PlannedNode, _ plan: PlanBuilder) throws -> (() throws -> Void)? {
    let x = plan.value(node.inputs[0])
    let (images, tokens, width) = (x.shape[0], x.shape[1], x.shape[2] / 3)
    let shape = kernels_heads(
      images: Int64(images), tokens: Int64(tokens), heads: Int64(heads), width: Int64(width / heads))
    let y = plan.makeMemory(.plain([images, tokens, width]))
    let moments = plan.makeMemory(.plain([images, heads, tokens, 2]))
    let scratch = plan.makeMemory(.plain([Int(kernels_attention_scratch(shape))]))
    plan.emit("attention", [x, y, moments, scratch]) { at in
      kernels_attention(shape, at.floats(x), at.floats(y), at.floats(moments), at.floats(scratch))
    }
    plan.setValue(node.value, y)
    guard node.needsBackward else { return nil }

    return {
      guard let dy = try plan.gradient(of: node.value), plan.needsGradient(node.inputs[0]) else { return }
      let dx = plan.makeMemory(x.layout)
      let scratch = plan.makeMemory(.plain([Int(kernels_attention_gradient_scratch(shape))]))
      plan.emit("gradient of attention", [x, moments, dy, dx, scratch]) { at in
        kernels_attention_gradient(
          shape, at.floats(x), at.floats(moments), at.floats(dy), at.floats(dx), at.floats(scratch))
      }
      try plan.contribute(dx, to: node.inputs[0], owned: true)
    }
  }
}
