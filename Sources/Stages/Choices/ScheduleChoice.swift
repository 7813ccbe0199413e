// Owns the words for learning rate schedules in pipeline files.

import NeuralNetworks
import Workflow

extension Schedule: ParameterChoice {}
