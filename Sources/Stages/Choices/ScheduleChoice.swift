// Owns the words for learning rate schedules in pipeline files.

import NeuralNetworks
import Workflow

/// `schedule: cosine`, `schedule: { kind: steps, at: [60, 120, 160], factor: 0.2 }`.
struct ScheduleChoice: ParameterVariants {
  typealias Words = any ScheduleWords
  static let variants: [any ParameterVariant.Type] = [
    ConstantWords.self, StepsWords.self, CosineWords.self, OneCycleWords.self,
  ]
  let variant: any ParameterVariant

  init(_ variant: any ParameterVariant) { self.variant = variant }

  var schedule: any Schedule { words.schedule }
}

/// Words for one schedule.
protocol ScheduleWords: ParameterVariant {
  var schedule: any Schedule { get }
}

struct ConstantWords: ScheduleWords {
  static let kind = "constant"
  var schedule: any Schedule { ConstantSchedule() }
}

struct StepsWords: ScheduleWords {
  static let kind = "steps"
  @Parameter("where the rate falls: epochs, or below 1 shares of them", .above(0)) var at = [
    1.0 / 3, 2.0 / 3,
  ]
  @Parameter("what it is multiplied by at each", .between(0, 1)) var factor = 0.1
  var schedule: any Schedule { StepSchedule(milestones: at, factor: factor) }
}

struct CosineWords: ScheduleWords {
  static let kind = "cosine"
  @Parameter("the share of the rate to which it falls", .between(0, 1)) var end = 0.0
  var schedule: any Schedule { CosineSchedule(end: end) }
}

struct OneCycleWords: ScheduleWords {
  static let kind = "one_cycle"
  @Parameter("the share of all steps in which the rate rises", .between(0, 1)) var rise = 0.3
  @Parameter("the share of the rate in the first step", .between(0, 1)) var start = 1.0 / 25
  @Parameter("the share of the rate in the last step", .between(0, 1)) var end = 1.0 / 250_000
  var schedule: any Schedule { OneCycleSchedule(rise: rise, start: start, end: end) }
}
