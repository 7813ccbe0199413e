// Owns the words for a shortcut's marks in pipeline files.

import Datasets
import Workflow

extension Marking: ParameterChoice {}
