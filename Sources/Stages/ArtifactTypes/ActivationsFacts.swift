// Owns what is known of activations before anything runs. No stage that runs has to do with it.

import NeuralNetworks
import Workflow

/// What is known of activations before they are computed. Nil stands for what isn't known.
struct ActivationsFacts: ArtifactFacts {
  /// The half that the samples are of, for messages: `cifar10/test`.
  var samples: String?
  /// Where the dataset's samples come from, and which half.
  var source: String?
  var half: String?
  /// How many samples.
  var count: Int?
  /// One sample's.
  var shape: ActivationShape?

  /// Notes one sample's extents.
  mutating func know(shape extents: [Int]) { shape = ActivationShape(extents: extents) }

  /// How many vectors one sample has: pixels, tokens, or one.
  var positions: Int? { shape?.positions }
}
