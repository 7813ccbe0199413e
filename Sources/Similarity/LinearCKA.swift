// Owns linear centred kernel alignment.

extension Measure {
  /// ‖YᵀX‖²_F / (‖XᵀX‖_F ‖YᵀY‖_F) of centred X: n × p, Y: n × q.
  public static let linearCKA = Measure(
    name: "linear_cka", resi: "CKA",
    summary: "linear centred kernel alignment: 1 for the same up to rotation and scale",
    formula: "‖YᵀX‖²_F / (‖XᵀX‖_F ‖YᵀY‖_F)",
    citation: "Kornblith et al., Similarity of Neural Network Representations Revisited, ICML 2019",
    .similarity, 0...1, invariances: [.orthogonal, .scaling, .translation, .permutation]
  ) { pair, _ in
    try pair.squaredCrossNorm() / (pair.x.gramNorm() * pair.y.gramNorm())
  }
}
