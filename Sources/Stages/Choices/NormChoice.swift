// Owns the words for norms of attacks in pipeline files.

import NeuralNetworks
import Workflow

extension Ball.Norm: ParameterChoice {}
