// Owns the words for how stitches are fitted in pipeline files.

import NeuralNetworks
import Stitching
import Workflow

extension FitMethod: ParameterChoice {}
extension Initialisation: ParameterChoice {}
extension BatchNormStatistics: ParameterChoice {}
