// Owns the learning rate schedules' names in pipeline files.

import NeuralNetworks
import Workflow

enum ScheduleName: String, ParameterChoice {
  case constant, steps
  var schedule: Schedule { Schedule(rawValue: rawValue)! }
}
