// Owns measures that match units of one representation with units of the other, and distances after the best
// permutation of units.
import Tensor

extension Measure {
  public static let hardCorrelationMatch = Measure(
    name: "hard_correlation_match", resi: "HardCorr",
    summary: "mean correlation of units under the best one-to-one match: 1 for the same up to their order",
    formula:
      "max over assignments π of the mean of corr(xⱼ, y_π(j)), columns; units that are constant correlate with 0",
    citation:
      "Li et al., Convergent Learning: Do Different Neural Networks Learn the Same Representations?, 2016",
    .similarity, -1...1, invariances: [.scaling, .translation, .permutation]
  ) { pair, _ in
    let correlations = try pair.unitCorrelations()
    return try pair.shared("hard match") {
      let scores = try (-1 * correlations).leastCostAssignment().enumerated().compactMap { i, j in
        j.map { correlations[i, $0] }
      }
      return scores.reduce(0, +) / Double(scores.count)
    }
  }

  public static let softCorrelationMatch = Measure(
    name: "soft_correlation_match", resi: "SoftCorr",
    summary:
      "mean correlation of each unit with its best partner, both ways: 1 for the same up to their order",
    formula:
      "(meanᵢ maxⱼ corr(xᵢ, yⱼ) + meanⱼ maxᵢ corr(xᵢ, yⱼ)) / 2; units that are constant correlate with 0",
    citation:
      "Li et al., Convergent Learning: Do Different Neural Networks Learn the Same Representations?, 2016",
    .similarity, -1...1, invariances: [.scaling, .translation, .permutation]
  ) { pair, _ in
    let correlations = try pair.unitCorrelations()
    var (ofX, ofY) = (
      [Double](repeating: -1, count: correlations.rows), [Double](repeating: -1, count: correlations.columns)
    )
    for i in ofX.indices {
      for j in ofY.indices {
        ofX[i] = max(ofX[i], correlations[i, j])
        ofY[j] = max(ofY[j], correlations[i, j])
      }
    }
    return (ofX.reduce(0, +) / Double(ofX.count) + ofY.reduce(0, +) / Double(ofY.count)) / 2
  }

  public static let permutationProcrustes = Measure(
    name: "permutation_procrustes", resi: "PermProc",
    summary: "distance after the best permutation of units, in the activations' own units; 0 for the same",
    formula: "min over permutations P of ‖X − YP‖_F, the narrower padded with zeros",
    citation: "Williams et al., Generalized Shape Metrics on Neural Representations, NeurIPS 2021",
    .distance, 0 ... .infinity, invariances: [.translation, .permutation]
  ) { pair, _ in
    max(0, pair.x.squaredNorm + pair.y.squaredNorm - 2 * (try pair.permutedProduct())).squareRoot()
  }

  public static let permutationAngular = Measure(
    name: "permutation_angular",
    summary: "angle after the best permutation of units, in radians: 0 for the same",
    formula: "arccos of the largest ⟨X̂, ŶP⟩ over permutations P, X̂ = X/‖X‖_F",
    citation: "Williams et al., Generalized Shape Metrics on Neural Representations, NeurIPS 2021",
    .distance, 0...Double.pi, invariances: [.scaling, .translation, .permutation]
  ) { pair, _ in
    let norms = (pair.x.squaredNorm * pair.y.squaredNorm).squareRoot()
    return Elementary.arcCosine(min(1, max(-1, try pair.permutedProduct() / norms)))
  }
}

extension Comparison {
  /// The largest ⟨X, YP⟩.
  fileprivate func permutedProduct() throws -> Double {
    let cross = try cross()
    return try shared("permuted product") {
      try (-1 * cross).leastCostAssignment().enumerated().reduce(0) { sum, match in
        sum + (match.element.map { cross[match.offset, $0] } ?? 0)
      }
    }
  }

  /// Correlations of units, p × q. A unit that is constant, a dead one, correlates with none.
  fileprivate func unitCorrelations() throws -> Matrix {
    let cross = try cross()
    let (a, b) = (x.unitNorms(), y.unitNorms())
    return shared("unit correlations", doubles: x.p * y.p) {
      var out = cross
      for i in 0..<out.rows {
        for j in 0..<out.columns {
          let norms = a[i] * b[j]
          out[i, j] = norms > 0 ? min(1, max(-1, out[i, j] / norms)) : 0
        }
      }
      return out
    }
  }
}

extension Prepared {
  /// ‖xⱼ‖ of centred columns; 0 where there is rounding only.
  fileprivate func unitNorms() -> [Double] {
    shared("unit norms", doubles: p) {
      var (sums, raw) = ([Double](repeating: 0, count: p), [Double](repeating: 0, count: p))
      withRawValues { values in
        for i in 0..<n {
          for j in 0..<p {
            let value = Double(values[i * p + j])
            raw[j] += value * value
            sums[j] += (value - means[j]) * (value - means[j])
          }
        }
      }
      return zip(sums, raw).map { $0 > $1 * 1e-24 ? $0.squareRoot() : 0 }
    }
  }
}
