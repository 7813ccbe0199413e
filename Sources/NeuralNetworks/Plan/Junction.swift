// Owns how plans work together: where one's output is another's input, in the order of `KeptOrder`.

/// Values of a batch and their gradient, which one plan makes and another takes.
package final class Junction {
  package let batch: Int
  package let shape: ActivationShape
  /// Batch × shape; each example in the order of `KeptOrder`.
  package let values: UnsafeMutableBufferPointer<Float>
  /// Nothing where no gradient is wanted.
  package let gradient: UnsafeMutableBufferPointer<Float>

  package init(_ shape: ActivationShape, batch: Int, hasGradient: Bool = true) {
    self.batch = batch
    self.shape = shape
    func make(_ count: Int) -> UnsafeMutableBufferPointer<Float> {
      UnsafeMutableBufferPointer(start: allocateFloats(count), count: count)
    }
    (values, gradient) = (make(batch * shape.count), make(hasGradient ? batch * shape.count : 0))
  }

  deinit { for part in [values, gradient] { UnsafeMutableRawPointer(part.baseAddress!).deallocate() } }

  /// Writes examples' values one after the other.
  package func fill(_ rows: [UnsafePointer<Float>]) {
    precondition(rows.count <= batch, "BUG: \(rows.count) examples in room for \(batch)")
    for (row, values) in rows.enumerated() {
      (self.values.baseAddress! + row * shape.count).update(from: values, count: shape.count)
    }
  }

  func memory(
    of part: UnsafeMutableBufferPointer<Float>, _ tileShape: [Int], _ plan: PlanBuilder
  ) -> Memory {
    let layout = Layout.kept(tileShape)
    precondition(
      tileShape.dropFirst().elementsEqual(shape.extents) && layout.byteCount * plan.tiles == part.count * 4,
      "BUG: \(tileShape) of a junction of \(batch) × \(shape)")
    return plan.makeMemory(
      layout, over: Buffer(part.baseAddress!, byteCount: layout.byteCount, perTile: true, owner: self))
  }
}

/// What joins a plan to others.
package struct PlanJoints {
  /// Where its input comes from, and the input's gradient goes, where it is wanted.
  package var input: Junction?
  /// Where its output goes, and the output's gradient comes from, where any is wanted.
  package var output: Junction?
  /// Values whose distance from a target is a part of the loss.
  package var compared: [TapPoint] = []
  /// Whether taps are in the order of `KeptOrder`, not row-major.
  package var keepsOrder = false
  /// Memory shared with other plans.
  package var room = PlanRoom()

  package init() {}
}
