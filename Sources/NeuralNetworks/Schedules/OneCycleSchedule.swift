// Owns the schedule that rises and falls once.

import Tensor

/// Up along half a cosine, then down along another (Smith & Topin 2019, in the two phases of
/// torch.optim.lr_scheduler.OneCycleLR; the momentum stays as it is). The base rate is the highest.
public struct OneCycleSchedule: Schedule, Hashable {
  /// The share of all steps in which the rate rises.
  public var rise: Double
  /// The share of the rate in the first step.
  public var start: Double
  /// The share of the rate in the last step.
  public var end: Double

  /// PyTorch's defaults: `pct_start` 0.3, `div_factor` 25, `final_div_factor` 10⁴ below the start.
  public init(rise: Double = 0.3, start: Double = 1.0 / 25, end: Double = 1.0 / 250_000) {
    self.rise = rise
    self.start = start
    self.end = end
  }

  public func factor(at clock: TrainingClock) -> Double {
    let step = Double(clock.stepsBefore)
    let top = rise * Double(clock.steps) - 1
    let last = Double(clock.steps - 1)
    func between(_ a: Double, _ b: Double, _ share: Double) -> Double {
      b + (a - b) / 2 * (1 + Elementary.cosine(turns: share / 2))
    }
    if step <= top { return top > 0 ? between(start, 1, step / top) : 1 }
    return between(1, end, last > top ? min((step - top) / (last - top), 1) : 1)
  }

  public var dependsOnLength: Bool { true }
}
