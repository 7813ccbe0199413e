// Owns the words for how datasets are read and combined in pipeline files.

import Datasets
import Workflow

extension CIFAR100.Labels: ParameterChoice {}
extension Halves: ParameterChoice {}
extension Mix.Labels: ParameterChoice {}
