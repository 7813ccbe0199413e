// Owns the consistency of errors: whether two networks err on the same inputs, beyond what their accuracies explain.

extension OutputMeasure {
  /// Cohen's κ of correctness, (c_obs − c_exp) / (1 − c_exp): c_obs the share of inputs that both get right or both get
  /// wrong, c_exp = a·b + (1 − a)(1 − b) what it would be for independent networks of accuracies a and b.
  public static let errorConsistency = OutputMeasure(
    name: "error_consistency",
    summary:
      "Cohen's κ of being right, (c_obs − c_exp) / (1 − c_exp); 0 for independent errors; none where both networks "
      + "are always right, or both always wrong",
    citation: "Geirhos et al. 2020, eq. 1-3", range: -1...1, direction: .similarity
  ) { outputs in
    func isRight(_ told: [Int], _ row: Int) -> Bool { told[row] == outputs.labels[row] }
    let a = outputs.share { isRight(outputs.told.p, $0) }
    let b = outputs.share { isRight(outputs.told.q, $0) }
    let observed = outputs.share { isRight(outputs.told.p, $0) == isRight(outputs.told.q, $0) }
    let expected = a * b + (1 - a) * (1 - b)
    return expected < 1 ? (observed - expected) / (1 - expected) : nil
  }
}
