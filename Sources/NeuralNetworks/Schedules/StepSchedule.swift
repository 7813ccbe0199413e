// Owns the schedule that falls at milestones.

/// The rate is multiplied by a factor at each milestone (torch.optim.lr_scheduler.MultiStepLR).
public struct StepSchedule: Schedule, Hashable {
  /// Where: below 1 a share of all epochs, else that many epochs.
  public var milestones: [Double]
  /// By what, at each.
  public var factor: Double

  /// The default is a tenth after one third of the epochs, a hundredth after two thirds (He et al. 2016; arXiv
  /// 2505.20142).
  public init(milestones: [Double] = [1.0 / 3, 2.0 / 3], factor: Double = 0.1) {
    self.milestones = milestones
    self.factor = factor
  }

  /// Throughout an epoch it is the same. Of 7 epochs with the default, 0…2 have 1, 3 and 4 have 0.1, and 5 and 6 have
  /// 0.01: a third begins with the first epoch that lies wholly in it.
  public func factor(at clock: TrainingClock) -> Double {
    let passed = milestones.count { milestone in
      let epoch = milestone < 1 ? milestone * Double(clock.epochs) : milestone
      // A share of the epochs may miss a whole number by rounding.
      return Double(clock.epoch) >= epoch - 1e-9
    }
    return (0..<passed).reduce(1.0) { product, _ in product * factor }
  }

  public var dependsOnLength: Bool { milestones.contains { $0 < 1 } }
}
