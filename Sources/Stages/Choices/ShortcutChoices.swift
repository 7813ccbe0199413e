// Owns the words for what a shortcut paints, and where, in pipeline files.

import Datasets
import Workflow

extension Shortcut.Content: ParameterChoice {}
extension Shortcut.Place: ParameterChoice {}
