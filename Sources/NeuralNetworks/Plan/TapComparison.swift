// Owns the part of a loss that compares a value inside a plan with a target, ‖h − t‖: its sums, and its gradient, as steps
// on the value where it lies. It deliberately doesn't know what loss is made of the sums.

import CKernels

/// A value's distance from a target: one squared distance for each example, so that no sum depends on tiles.
package final class TapComparison {
  /// The target of each example, in the order of `KeptOrder`; to be set before the forward pass, and there until the
  /// backward one is over.
  package let targets: UnsafeMutableBufferPointer<UnsafePointer<Float>?>
  /// ‖h − t‖² of each example, after the forward pass.
  package let squaredDistances: UnsafeMutableBufferPointer<Double>
  /// What h − t is multiplied by to be the gradient; to be set before the backward pass.
  package var factor: Float = 0
  private let value: Int
  private let memory: Memory
  private let count: Int

  init(_ value: Int, batch: Int, _ plan: PlanBuilder) throws {
    self.value = value
    let native = plan.value(value)
    memory = try plan.convert(native, to: .kept(native.shape))
    count = native.shape.dropFirst().reduce(1, *)
    targets = .allocate(capacity: batch)
    targets.initialize(repeating: nil)
    squaredDistances = .allocate(capacity: batch)
    squaredDistances.initialize(repeating: 0)
    let images = plan.batch
    plan.emit("distance from a target", [memory]) { [self] at in
      let h = at.floats(memory)
      for image in 0..<images {
        let row = at.tile * images + image
        squaredDistances[row] = kernels_squared_distance(Int64(count), h + image * count, targets[row]!)
      }
    }
  }

  deinit {
    targets.deallocate()
    squaredDistances.deallocate()
  }

  /// Adds what makes the gradient. To be called where the plan's backward steps come to the value.
  func planGradient(_ plan: PlanBuilder) throws {
    let images = plan.batch
    let gradient = plan.makeMemory(memory.layout)
    plan.emit("gradient of a distance", [memory, gradient]) { [self] at in
      let (h, g) = (at.floats(memory), at.floats(gradient))
      for image in 0..<images {
        kernels_scaled_difference(
          Int64(count), factor, h + image * count, targets[at.tile * images + image]!, g + image * count)
      }
    }
    try plan.contribute(gradient, to: value, owned: true)
  }
}
