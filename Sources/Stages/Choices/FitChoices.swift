// Owns the words for how stitches are fitted in pipeline files.

import Stitching
import Workflow

extension FitMethod: ParameterChoice {}
extension Initialisation: ParameterChoice {}
