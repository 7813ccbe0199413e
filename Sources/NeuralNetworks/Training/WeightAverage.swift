// Owns the moving average of a network's values.

import Tensor

/// An exponential moving average of parameters and running statistics: after the first step those values, after each
/// later one a ← d·a + (1 − d)·value (Polyak & Juditsky 1992; torch.optim.swa_utils.AveragedModel with
/// `get_ema_multi_avg_fn(d)` and `use_buffers`).
final class WeightAverage {
  private let decay: Float
  private let parameters: ParameterSet
  private let base: UnsafeMutablePointer<Float>
  private var isEmpty = true

  init(decay: Double, of parameters: ParameterSet) {
    self.decay = Float(decay)
    self.parameters = parameters
    base = allocateFloats(parameters.count)
  }

  deinit { UnsafeMutableRawPointer(base).deallocate() }

  /// Takes in the values as they are now.
  func update() {
    let (a, x, kept) = (base, parameters.base, decay)
    if isEmpty {
      a.update(from: x, count: parameters.count)
      isEmpty = false
      return
    }
    let taken = 1 - kept
    for i in 0..<parameters.count { a[i] += taken * (x[i] - a[i]) }
  }

  /// Copies of all averages; nil before the first step.
  var tensors: [String: Tensor]? {
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
