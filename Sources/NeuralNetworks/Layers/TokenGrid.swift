// Owns the way between tokens and images: a class token and, behind it, the patches of a square grid, row by row.

/// C × s × s to tokens, (1 + s²) × C: the positions row by row, and before them a class token, which is that of a
/// second input (tokens of the same width), or without one the mean over all positions.
struct GridToTokens: Layer {
  func outputShape(_ inputs: [[Int]]) -> [Int] { [1 + inputs[0][1] * inputs[0][2], inputs[0][0]] }

  func plan(_ node: PlannedNode, _ plan: PlanBuilder) throws -> (() throws -> Void)? {
    let shape = plan.value(node.inputs[0]).shape
    let x = try plan.convert(plan.value(node.inputs[0]), to: .plain(shape))
    let (images, width, patches) = (shape[0], shape[1], shape[2] * shape[3])
    let given = node.inputs.count > 1 ? plan.value(node.inputs[1]) : nil
    let givenSize = given.map { $0.shape[1] * width } ?? 0
    let y = plan.makeMemory(.plain([images, patches + 1, width]))
    plan.emit("tokens of a grid", [x, y] + (given.map { [$0] } ?? [])) { at in
      for image in 0..<images {
        let (from, to) = (
          at.floats(x) + image * width * patches, at.floats(y) + image * (patches + 1) * width
        )
        for c in 0..<width {
          var sum: Float = 0
          for p in 0..<patches {
            let value = from[c * patches + p]
            to[(p + 1) * width + c] = value
            sum += value
          }
          to[c] = sum / Float(patches)
        }
        if let given { to.update(from: at.floats(given) + image * givenSize, count: width) }
      }
    }
    plan.setValue(node.value, y)
    guard node.needsBackward else { return nil }

    return {
      guard let dy = try plan.gradient(of: node.value) else { return }
      if plan.needsGradient(node.inputs[0]) {
        let dx = plan.makeMemory(.plain(shape))
        plan.emit("gradient of tokens of a grid", [dy, dx]) { at in
          for image in 0..<images {
            let (from, to) = (
              at.floats(dy) + image * (patches + 1) * width, at.floats(dx) + image * width * patches
            )
            for c in 0..<width {
              let share = given == nil ? from[c] / Float(patches) : 0
              for p in 0..<patches { to[c * patches + p] = from[(p + 1) * width + c] + share }
            }
          }
        }
        try plan.contribute(dx, to: node.inputs[0], owned: true)
      }
      guard let given, plan.needsGradient(node.inputs[1]) else { return }
      let dClass = plan.makeMemory(given.layout)
      plan.emit("gradient of a class token", [dy, dClass]) { at in
        at.floats(dClass).update(repeating: 0, count: images * givenSize)
        for image in 0..<images {
          (at.floats(dClass) + image * givenSize).update(
            from: at.floats(dy) + image * (patches + 1) * width, count: width)
        }
      }
      try plan.contribute(dClass, to: node.inputs[1], owned: true)
    }
  }
}

/// Tokens, (1 + s²) × C, to C × s × s: the patches where they lie; the class token is left out.
struct TokensToGrid: Layer {
  func outputShape(_ inputs: [[Int]]) -> [Int] {
    guard let side = ActivationShape.side(ofTokens: inputs[0][0]) else {
      preconditionFailure("BUG: \(inputs[0][0]) tokens are no square grid")
    }
    return [inputs[0][1], side, side]
  }

  func plan(_ node: PlannedNode, _ plan: PlanBuilder) throws -> (() throws -> Void)? {
    let x = plan.value(node.inputs[0])
    let (images, patches, width) = (x.shape[0], x.shape[1] - 1, x.shape[2])
    let y = plan.makeMemory(.plain([images] + outputShape([Array(x.shape.dropFirst())])))
    plan.emit("grid of tokens", [x, y]) { at in
      for image in 0..<images {
        let (from, to) = (
          at.floats(x) + image * (patches + 1) * width, at.floats(y) + image * width * patches
        )
        for c in 0..<width {
          for p in 0..<patches { to[c * patches + p] = from[(p + 1) * width + c] }
        }
      }
    }
    plan.setValue(node.value, y)
    guard node.needsBackward else { return nil }

    return {
      guard let gradient = try plan.gradient(of: node.value), plan.needsGradient(node.inputs[0]) else {
        return
      }
      let dy = try plan.convert(gradient, to: y.layout)
      let dx = plan.makeMemory(x.layout)
      plan.emit("gradient of grid of tokens", [dy, dx]) { at in
        for image in 0..<images {
          let (from, to) = (
            at.floats(dy) + image * width * patches, at.floats(dx) + image * (patches + 1) * width
          )
          to.update(repeating: 0, count: width)
          for c in 0..<width {
            for p in 0..<patches { to[(p + 1) * width + c] = from[c * patches + p] }
          }
        }
      }
      try plan.contribute(dx, to: node.inputs[0], owned: true)
    }
  }
}
