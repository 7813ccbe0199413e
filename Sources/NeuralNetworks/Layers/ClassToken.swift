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
    let first = try plan.parameter(node, "cls_token")
    let positions = try plan.parameter(node, "pos_embed")
    let y = try plan.makeMemory(.plain([x.shape[0], self.tokens + 1, self.width]))
    plan.emit([x, first, positions, y]) {
      kernels_embed(images, tokens, width, x.floats, first.floats, positions.floats, y.floats)
    }
    plan.setValue(node.value, y)
    guard node.needsBackward else { return nil }

    return {
      guard let dy = try plan.gradient(of: node.value) else { return }
      if node.isTrained {
        let first = try plan.gradient(node, "cls_token")
        let positions = try plan.gradient(node, "pos_embed")
        plan.emit([dy, first, positions]) {
          kernels_embed_sums(images, tokens, width, dy.floats, first.floats, positions.floats)
        }
      }
      guard plan.needsGradient(node.inputs[0]) else { return }
      let dx = try plan.makeMemory(x.layout)
      let size = self.tokens * self.width
      plan.emit([dy, dx]) {
        for image in 0..<Int(images) {
          (dx.floats + image * size).update(
            from: dy.floats + image * (size + self.width) + self.width, count: size)
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
    let y = try plan.makeMemory(.plain([images, width]))
    plan.emit([x, y]) {
      for image in 0..<images {
        (y.floats + image * width).update(from: x.floats + image * size, count: width)
      }
    }
    plan.setValue(node.value, y)
    guard node.needsBackward else { return nil }

    return {
      guard let dy = try plan.gradient(of: node.value), plan.needsGradient(node.inputs[0]) else { return }
      let dx = try plan.makeMemory(x.layout)
      plan.emit([dy, dx]) {
        dx.floats.update(repeating: 0, count: images * size)
        for image in 0..<images {
          (dx.floats + image * size).update(from: dy.floats + image * width, count: width)
        }
      }
      try plan.contribute(dx, to: node.inputs[0], owned: true)
    }
  }
}
