// Owns the moving average of a network's values.

import CKernels
package import Tensor

/// An exponential moving average of parameters and running statistics: after the first step those values, after each
/// later one a ← d·a + (1 − d)·value (Polyak & Juditsky 1992; torch.optim.swa_utils.AveragedModel with
/// `get_ema_multi_avg_fn(d)` and `use_buffers`).
package final class WeightAverage {
  private let decay: Float
  private let parameters: ParameterSet
  private let base: UnsafeMutablePointer<Float>
  private var isEmpty = true

  package init(decay: Double, of parameters: ParameterSet) {
    self.decay = Float(decay)
    self.parameters = parameters
    base = allocateFloats(parameters.count)
  }

  deinit { UnsafeMutableRawPointer(base).deallocate() }

  /// Takes in the values as they are now.
  package func update() {
    if isEmpty {
      base.update(from: parameters.base, count: parameters.count)
      isEmpty = false
    } else {
      kernels_approach(Int64(parameters.count), 1 - decay, base, parameters.base)
    }
  }

  /// Copies of all averages; nil before the first step.
  package var tensors: [String: Tensor]? {
    get { isEmpty ? nil : parameters.tensors(in: base) }
    set {
      isEmpty = newValue == nil
      guard let newValue else { return }
      for slot in parameters.slots {
        newValue[slot.declaration.name]!.withUnsafeValues {
          (base + slot.offset).update(from: $0.baseAddress!, count: slot.count)
        }
      }
    }
  }
}
