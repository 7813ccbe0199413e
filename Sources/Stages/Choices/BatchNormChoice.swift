// Owns the words for the statistics that batch norms use, in pipeline files.

import NeuralNetworks
import Workflow

extension BatchNormStatistics: ParameterChoice {}
