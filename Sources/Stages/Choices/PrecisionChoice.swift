// Owns the words for what networks are trained with in pipeline files.

import NeuralNetworks
import Workflow

extension Precision: ParameterChoice {}
