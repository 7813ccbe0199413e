// Owns the disagreement of predicted classes.

extension OutputMeasure {
  /// The share of inputs that the networks tell to be of different classes.
  public static let disagreement = OutputMeasure(
    name: "disagreement", summary: "share of inputs whose arg-max differs",
    citation: "Madani et al. 2004", range: 0...1, direction: .distance
  ) { outputs in outputs.share { outputs.told.p[$0] != outputs.told.q[$0] } }
}
