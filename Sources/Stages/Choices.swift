// Owns which of the libraries' enumerations are words in pipeline files. Each is declared once, where its meaning is.

import Datasets
import NeuralNetworks
import Similarity
import Stitching
import Workflow

extension Split: ParameterChoice {}
extension Augmentation: ParameterChoice {}
extension Marking: ParameterChoice {}
extension Shortcut.Content: ParameterChoice {}
extension Shortcut.Place: ParameterChoice {}
extension Schedule: ParameterChoice {}
extension Layout: ParameterChoice {}
extension FitMethod: ParameterChoice {}
extension Initialisation: ParameterChoice {}
