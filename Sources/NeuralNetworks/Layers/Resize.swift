// Owns the bilinear resize before a stitching layer, as two small matrices.

/// R_h X R_wᵀ for every channel: bilinear with half-pixel centres and no antialiasing, as PyTorch's
/// `interpolate(mode="bilinear", align_corners=False)`. The gradient is R_hᵀ Y R_w.
struct Resize: Layer {
  let height: Int
  let width: Int

  func outputShape(_ inputs: [[Int]]) -> [Int] { [inputs[0][0], height, width] }

  func plan(_ node: PlannedNode, _ plan: PlanBuilder) throws -> (() throws -> Void)? {
    let shape = plan.value(node.inputs[0]).shape
    let x = try plan.convert(plan.value(node.inputs[0]), to: .plain(shape))
    let y = plan.makeMemory(.plain([shape[0], shape[1], height, width]))
    let planes = shape[0] * shape[1]
    let (h, w, newH, newW) = (shape[2], shape[3], height, width)
    let rows = Interpolation(from: h, to: newH)
    let columns = Interpolation(from: w, to: newW)
    let half = plan.makeMemory(.plain([newH, w]))  // R_h X of one plane
    plan.emit("resize", [x, y, half]) { at in
      let (from, to, middle) = (at.floats(x), at.floats(y), at.floats(half))
      for plane in 0..<planes {
        let (from, to) = (from + plane * h * w, to + plane * newH * newW)
        for (i, tap) in rows.taps.enumerated() {
          for j in 0..<w {
            middle[i * w + j] =
              tap.weight0 * from[tap.index0 * w + j] + tap.weight1 * from[tap.index1 * w + j]
          }
        }
        for i in 0..<newH {
          for (j, tap) in columns.taps.enumerated() {
            to[i * newW + j] =
              tap.weight0 * middle[i * w + tap.index0] + tap.weight1 * middle[i * w + tap.index1]
          }
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
      let dx = plan.makeMemory(.plain(shape))
      let half = plan.makeMemory(.plain([newH, w]))  // Y R_w of one plane
      plan.emit("gradient of resize", [dy, dx, half]) { at in
        let (from, to, middle) = (at.floats(dy), at.floats(dx), at.floats(half))
        for plane in 0..<planes {
          let (from, to) = (from + plane * newH * newW, to + plane * h * w)
          middle.update(repeating: 0, count: newH * w)
          for i in 0..<newH {
            for (j, tap) in columns.taps.enumerated() {
              middle[i * w + tap.index0] += tap.weight0 * from[i * newW + j]
              middle[i * w + tap.index1] += tap.weight1 * from[i * newW + j]
            }
          }
          to.update(repeating: 0, count: h * w)
          for (i, tap) in rows.taps.enumerated() {
            for j in 0..<w {
              to[tap.index0 * w + j] += tap.weight0 * middle[i * w + j]
              to[tap.index1 * w + j] += tap.weight1 * middle[i * w + j]
            }
          }
        }
      }
      try plan.contribute(dx, to: node.inputs[0], owned: true)
    }
  }
}

/// One of the two matrices: each row has at most two entries.
package struct Interpolation {
  package struct Tap {
    package let index0: Int
    package let index1: Int
    package let weight0: Float
    package let weight1: Float
  }
  package let taps: [Tap]

  package init(from size: Int, to newSize: Int) {
    let scale = Double(size) / Double(newSize)
    taps = (0..<newSize).map { i in
      let centre = max((Double(i) + 0.5) * scale - 0.5, 0)
      let low = min(Int(centre), size - 1)
      let weight = Float(centre - Double(low))
      return Tap(index0: low, index1: min(low + 1, size - 1), weight0: 1 - weight, weight1: weight)
    }
  }
}
