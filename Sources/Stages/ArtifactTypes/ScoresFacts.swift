// Owns what is known of scores before anything runs. No stage that runs has to do with it.

import Workflow

/// Which scores there will be.
struct ScoresFacts: ArtifactFacts {
  /// The names of all that there can be, in order.
  var numbers: [String]
  /// Those that are a list of numbers, one an epoch.
  var lists: [String] = []
}
