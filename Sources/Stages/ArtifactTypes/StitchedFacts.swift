// Owns what is known of a stitched model before anything runs. No stage that runs has to do with it.

import Workflow

/// What is known of a stitched model before it is fitted: what is known of the models that it joins.
struct StitchedFacts: ArtifactFacts {
  var front: ModelFacts?
  var end: ModelFacts?
}
