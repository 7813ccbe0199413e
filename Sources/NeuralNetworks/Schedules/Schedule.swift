// Owns how the learning rate changes from step to step: what a schedule is asked, and what it answers.

/// The learning rate over the steps of a training.
public protocol Schedule: Sendable {
  /// What the base rate is multiplied by in one step.
  func factor(at clock: TrainingClock) -> Double
  /// Whether the factors of the first steps depend on how many follow: a training that is made longer can only be
  /// continued where they don't.
  var dependsOnLength: Bool { get }
  /// Numbers that decide the factors of all steps before an epoch: of two schedules of one type that give the same, the
  /// factors are the same up to there, however many epochs each has.
  func deciding(before epoch: Int, of epochs: Int) -> [Double]
}

/// Which step of how many.
public struct TrainingClock: Sendable, Hashable {
  /// From 0.
  public var epoch: Int
  /// Within the epoch, from 0.
  public var step: Int
  /// Steps in an epoch.
  public var stepsPerEpoch: Int
  /// All epochs.
  public var epochs: Int
  /// The first steps, in which the rate rises, whatever the schedule.
  public var warmUp: Int

  /// A step's place.
  public init(epoch: Int, step: Int, stepsPerEpoch: Int, epochs: Int, warmUp: Int = 0) {
    self.epoch = epoch
    self.step = step
    self.stepsPerEpoch = stepsPerEpoch
    self.epochs = epochs
    self.warmUp = warmUp
  }

  /// Steps that came before, over all epochs.
  public var stepsBefore: Int { epoch * stepsPerEpoch + step }
  /// All steps.
  public var steps: Int { epochs * stepsPerEpoch }
}

/// A base rate, its schedule, and a linear rise before it.
public struct LearningRate: Sendable {
  /// What the schedule's factors multiply.
  public var base: Double
  /// How it changes.
  public var schedule: any Schedule
  /// Epochs over which the rate first rises in equal steps to its base (Goyal et al. 2017); they may be broken.
  public var warmUp: Double

  /// A rate with its schedule.
  public init(_ base: Double, _ schedule: some Schedule = ConstantSchedule(), warmUp: Double = 0) {
    self.base = base
    self.schedule = schedule
    self.warmUp = warmUp
  }

  /// The rate in one step. Of `n` steps of warm-up the first has 1/n of the base, the last the whole of it.
  public func rate(epoch: Int, step: Int, stepsPerEpoch: Int, epochs: Int) -> Double {
    let clock = TrainingClock(
      epoch: epoch, step: step, stepsPerEpoch: stepsPerEpoch, epochs: epochs,
      warmUp: Int((warmUp * Double(stepsPerEpoch)).rounded()))
    if clock.stepsBefore < clock.warmUp {
      return base * Double(clock.stepsBefore + 1) / Double(clock.warmUp)
    }
    return base * schedule.factor(at: clock)
  }
}
