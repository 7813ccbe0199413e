// Owns the class token: put before an image's patches, and taken as what the network knows of the image.

import CKernels

/// Puts a learnt token before the others and adds a learnt position to each (Dosovitskiy et al. 2021, equation 1):
/// T × D to (T + 1) × D. Named as timm names them.
struct ClassTokenAndPositions: Layer {
  /// How many there are without the class token.
  let tokens: Int
  let width: Int

  /// As timm starts them.
  var parameters: [ParameterDeclaration] {
    [
      ParameterDeclaration(name: "cls_token", shape: [1, 1, width], role: .normal(deviation: 1e-6)),
      ParameterDeclaration(name: "pos_embed", shape: [1, tokens + 1, width], role: .normal(deviation: 0.02)),
    ]
  }

  func outputShape(_ inputs: [[Int]]) -> [Int] { [tokens + 1, width] }

  func plan(_ node: PlannedNode, _ plan: PlanBuilder) throws -> (() throws -> Void)? {
    let x = plan.value(node.inputs[0])
    let (images, tokens, width) = (Int64(x.shape[0]), Int64(tokens), Int64(width))
    let first = plan.parameter(node, "cls_token")
    let positions = plan.parameter(node, "pos_embed")
    let y = plan.makeMemory(.plain([x.shape[0], self.tokens + 1, self.width]))
    plan.emit("class token and positions", [x, first, positions, y]) { at in
      kernels_embed(images, tokens, width, at.floats(x), at.floats(first), at.floats(positions), at.floats(y))
    }
    plan.setValue(node.value, y)
    guard node.needsBackward else { return nil }

    return {
      guard let dy = try plan.gradient(of: node.value) else { return }
      if node.isTrained {
        let first = try plan.partialGradient(node, "cls_token")
        let positions = try plan.partialGradient(node, "pos_embed")
        plan.emit("gradient sums of class token and positions", [dy, first, positions]) { at in
          kernels_embed_sums(images, tokens, width, at.floats(dy), at.floats(first), at.floats(positions))
        }
      }
      guard plan.needsGradient(node.inputs[0]) else { return }
      let dx = plan.makeMemory(x.layout)
      let size = self.tokens * self.width
      plan.emit("gradient of class token and positions", [dy, dx]) { at in
        for image in 0..<Int(images) {
          (at.floats(dx) + image * size).update(
            from: at.floats(dy) + image * (size + self.width) + self.width, count: size)
        }
      }
      try plan.contribute(dx, to: node.inputs[0], owned: true)
    }
  }
}

/// The first token: T × D to a vector D.
struct ClassTokenOnly: Layer {
  func outputShape(_ inputs: [[Int]]) -> [Int] { [inputs[0][1]] }

  func plan(_ node: PlannedNode, _ plan: PlanBuilder) throws -> (() throws -> Void)? {
    let x = plan.value(node.inputs[0])
    let (images, size, width) = (x.shape[0], x.shape[1] * x.shape[2], x.shape[2])
    let y = plan.makeMemory(.plain([images, width]))
    plan.emit("class token", [x, y]) { at in
      for image in 0..<images {
        (at.floats(y) + image * width).update(from: at.floats(x) + image * size, count: width)
      }
    }
    plan.setValue(node.value, y)
    guard node.needsBackward else { return nil }

    return {
      guard let dy = try plan.gradient(of: node.value), plan.needsGradient(node.inputs[0]) else { return }
      let dx = plan.makeMemory(x.layout)
      plan.emit("gradient of class token", [dy, dx]) { at in
        at.floats(dx).update(repeating: 0, count: images * size)
        for image in 0..<images {
          (at.floats(dx) + image * size).update(from: at.floats(dy) + image * width, count: width)
        }
      }
      try plan.contribute(dx, to: node.inputs[0], owned: true)
    }
  }
}
