// Owns the words for a dataset's halves in pipeline files.

import Datasets
import Workflow

extension Split: ParameterChoice {}
