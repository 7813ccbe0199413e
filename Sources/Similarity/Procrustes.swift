// Owns orthogonal Procrustes distances: how far apart two representations are after the best rotation. The narrower
// counts as padded with zeros.
import Tensor

extension Measure {
  /// ‖X‖² + ‖Y‖² − 2‖XᵀY‖_* of centred X: n × p, Y: n × q.
  public static let procrustes = Measure(
    name: "procrustes",
    summary: "squared distance after the best rotation, in the activations' own units; 0 for the same",
    formula: "‖X‖²_F + ‖Y‖²_F − 2‖XᵀY‖_*", citation: ding,
    .distance, 0 ... .infinity, invariances: [.orthogonal, .translation, .permutation]
  ) { pair, _ in
    try squaredDistance(pair)
  }

  public static let procrustesSizeAndShape = Measure(
    name: "procrustes_size_and_shape", resi: "ProcDist",
    summary: "distance after the best rotation, in the activations' own units; 0 for the same",
    formula: "√(‖X‖²_F + ‖Y‖²_F − 2‖XᵀY‖_*)", citation: williams,
    .distance, 0 ... .infinity, invariances: [.orthogonal, .translation, .permutation]
  ) { pair, _ in
    try squaredDistance(pair).squareRoot()
  }

  public static let procrustesNormalised = Measure(
    name: "procrustes_normalised",
    summary: "squared distance after the best rotation at norm 1: 0 for the same, 2 for unrelated",
    formula: "2 − 2‖X̂ᵀŶ‖_*, X̂ = X/‖X‖_F", citation: ding,
    .distance, 0...2, invariances: [.orthogonal, .scaling, .translation, .permutation]
  ) { pair, _ in
    max(0, 2 - 2 * (try cosine(pair)))
  }

  public static let procrustesNormalisedRoot = Measure(
    name: "procrustes_normalised_sqrt", resi: "OrthProc",
    summary: "distance after the best rotation at norm 1: 0 for the same, √2 for unrelated",
    formula: "√(2 − 2‖X̂ᵀŶ‖_*), X̂ = X/‖X‖_F", citation: ding,
    .distance, 0...2.0.squareRoot(), invariances: [.orthogonal, .scaling, .translation, .permutation]
  ) { pair, _ in
    max(0, 2 - 2 * (try cosine(pair))).squareRoot()
  }

  public static let procrustesAngular = Measure(
    name: "procrustes_angular", resi: "AngShape",
    summary: "angle after the best rotation, in radians: 0 for the same, π/2 for unrelated",
    formula: "arccos ‖X̂ᵀŶ‖_*, X̂ = X/‖X‖_F", citation: williams,
    .distance, 0...(Double.pi / 2), invariances: [.orthogonal, .scaling, .translation, .permutation]
  ) { pair, _ in
    Elementary.arcCosine(min(1, try cosine(pair)))
  }
}

private let ding =
  "Ding, Denain & Steinhardt, Grounding Representation Similarity with Statistical Testing, NeurIPS 2021"
private let williams = "Williams et al., Generalized Shape Metrics on Neural Representations, NeurIPS 2021"

private func squaredDistance(_ pair: Comparison) throws -> Double {
  max(0, pair.x.squaredNorm + pair.y.squaredNorm - 2 * (try pair.crossNuclearNorm()))
}

/// ‖X̂ᵀŶ‖_*.
private func cosine(_ pair: Comparison) throws -> Double {
  try pair.crossNuclearNorm() / (pair.x.squaredNorm * pair.y.squaredNorm).squareRoot()
}
