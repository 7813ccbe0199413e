// Owns the words for augmentations in pipeline files.

import Datasets
import Workflow

extension Augmentation: ParameterChoice {}
