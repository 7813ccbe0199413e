// Owns the words for learning rate schedules in pipeline files.

import NeuralNetworks
import Workflow

enum ScheduleChoice: String, ParameterChoice {
  case constant, steps

  var schedule: any Schedule {
    switch self {
    case .constant: ConstantSchedule()
    case .steps: StepSchedule()
    }
  }
}
