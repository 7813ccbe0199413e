// Owns what is known of a network, be it a model or a stitched one, before anything runs.

import Workflow

/// What is known of a network, stitched or not.
struct ForeseenNetwork {
  let model: ModelFacts?
  let stitched: StitchedFacts?

  init(_ foresight: Foresight, _ input: String) {
    model = foresight.facts(of: input)
    stitched = foresight.facts(of: input)
  }

  var isModel: Bool { model != nil }
  /// What the logits come from.
  var output: ModelFacts? { model ?? stitched?.end }

  /// The models that see images, with what messages call them.
  func halves(_ role: String) -> [(role: String, model: ModelFacts?)] {
    stitched.map { [("\(role)'s front", $0.front), ("\(role)'s end", $0.end)] } ?? [(role, model)]
  }
}
