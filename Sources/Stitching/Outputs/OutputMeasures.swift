// Owns the list of measures of outputs. A new one is one file beside this and one line here.

extension OutputMeasure {
  /// All measures of outputs, in the order of their help.
  public static let allOutputMeasures: [OutputMeasure] = [
    .agreement, .chanceAgreement, .disagreement, .errorConsistency, .jensenShannonDivergence,
  ]
}
