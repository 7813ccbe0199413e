// Owns the words for how activations become samples in pipeline files.

import Similarity
import Workflow

extension Layout: ParameterChoice {}
