// Owns orthogonal Procrustes distances: how far apart two representations are after the best rotation.
import Tensor

extension Measure {
  /// ‖X‖² + ‖Y‖² − 2‖XᵀY‖_* of centred X: n × p, Y: n × q; the narrower counts as padded with zeros.
  public static let procrustes = Measure(
    name: "procrustes",
    summary: "squared distance after the best rotation, in the activations' own units; 0 for the same",
    citation:
      "Ding, Denain & Steinhardt, Grounding Representation Similarity with Statistical Testing, NeurIPS 2021",
    invariances: [.orthogonal, .translation, .permutation]
  ) { x, y in
    max(0, x.squaredNorm + y.squaredNorm - 2 * (try crossNuclearNorm(x, y)))
  }

  /// √(2 − 2‖X̂ᵀŶ‖_*), X̂ = X/‖X‖_F.
  public static let procrustesNormalisedRoot = Measure(
    name: "procrustes_normalised_sqrt",
    summary: "distance after the best rotation at norm 1: 0 for the same, √2 for unrelated",
    citation: "Williams et al., Generalized Shape Metrics on Neural Representations, NeurIPS 2021",
    invariances: [.orthogonal, .scaling, .translation, .permutation]
  ) { x, y in
    max(0, 2 - 2 * (try cosine(x, y))).squareRoot()
  }

  /// arccos ‖X̂ᵀŶ‖_*, X̂ = X/‖X‖_F.
  public static let procrustesAngular = Measure(
    name: "procrustes_angular",
    summary: "angle after the best rotation, in radians: 0 for the same, π/2 for unrelated",
    citation: "Williams et al., Generalized Shape Metrics on Neural Representations, NeurIPS 2021",
    invariances: [.orthogonal, .scaling, .translation, .permutation]
  ) { x, y in
    Elementary.arcCosine(min(1, try cosine(x, y)))
  }
}

/// ‖X̂ᵀŶ‖_*.
private func cosine(_ x: Centred, _ y: Centred) throws -> Double {
  try crossNuclearNorm(x, y) / (x.squaredNorm * y.squaredNorm).squareRoot()
}

/// ‖XᵀY‖_*. A wide X is replaced by an n × n factor A of its Gram matrix: X = AQᵀ with orthonormal Q, which
/// leaves the norm as it is.
private func crossNuclearNorm(_ x: Centred, _ y: Centred) throws -> Double {
  let n = x.source.n
  if max(x.source.p, y.source.p) <= n { return try x.transposedTimes(y).nuclearNorm() }
  func factor(_ z: Centred) throws -> Matrix {
    if z.source.p <= n { return z.rows(0..<n) }
    var (values, vectors) = try z.gram().symmetricEigen()
    for row in 0..<n {
      let root = max(0, values[row]).squareRoot()
      for column in 0..<n { vectors[row, column] *= root }
    }
    return vectors.transposed
  }
  return try factor(x).transposedTimes(factor(y)).nuclearNorm()
}
