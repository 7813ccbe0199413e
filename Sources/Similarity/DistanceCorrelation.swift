// Owns the correlation of distances between samples.

extension Measure {
  public static let distanceCorrelation = Measure(
    name: "distance_correlation", resi: "DistCorr",
    summary: "correlation of the distances of samples: 1 for the same up to rotation and scale",
    formula: "√(⟨A, B⟩ / √(⟨A, A⟩⟨B, B⟩)), A, B the doubly centred Euclidean distances of samples",
    citation: "Székely, Rizzo & Bakirov, Measuring and Testing Dependence by Correlation of Distances, 2007",
    .similarity, 0...1, invariances: [.orthogonal, .scaling, .translation, .permutation]
  ) { pair, _ in
    let (a, b) = (try pair.x.centredDistances(), try pair.y.centredDistances())
    let covariance = max(0, a.product(b))
    return min(1, (covariance / (a.product(a) * b.product(b)).squareRoot()).squareRoot())
  }
}

extension Prepared {
  fileprivate func centredDistances() throws -> SamplePairs {
    let distances = try distances()
    return shared("centred distances", doubles: n * (n + 1) / 2) { distances.doublyCentred }
  }
}
