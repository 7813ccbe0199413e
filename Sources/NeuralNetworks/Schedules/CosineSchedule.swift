// Owns the schedule that falls along half a cosine.

import Tensor

/// From the whole rate to a share of it along half a cosine, over all steps behind the warm-up (Loshchilov & Hutter 2017
/// without restarts; torch.optim.lr_scheduler.CosineAnnealingLR).
public struct CosineSchedule: Schedule, Hashable {
  /// The share of the rate to which it falls; the step after the last would have it.
  public var end: Double

  /// A schedule that falls to the given share of the rate.
  public init(end: Double = 0) { self.end = end }

  public func factor(at clock: TrainingClock) -> Double {
    let gone = Double(clock.stepsBefore - clock.warmUp) / Double(max(clock.steps - clock.warmUp, 1))
    return end + (1 - end) * (1 + Elementary.cosine(turns: gone / 2)) / 2
  }

  public var dependsOnLength: Bool { true }
}
