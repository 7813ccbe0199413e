// Owns the distance by what linear predictions with a penalty can make of two representations.
import Tensor

extension Measure {
  public static let gulp = Measure(
    name: "gulp", resi: "Gulp",
    summary: "squared distance of the best ridge predictions from both, over all targets: 0 for the same",
    formula:
      "tr(Σ_X⁻Σ_XΣ_X⁻Σ_X) + tr(Σ_Y⁻Σ_YΣ_Y⁻Σ_Y) − 2tr(Σ_X⁻Σ_XYΣ_Y⁻Σ_YX), Σ⁻ = (Σ + λI)⁻¹, covariances at trace 1",
    citation: "Boix-Adserà et al., GULP: A Prediction-Based Metric between Representations, NeurIPS 2022",
    .distance, 0 ... .infinity, leastSamples: 3,
    parameters: [.number("lambda", "the penalty λ; 0 takes more samples than features", 0.01, 0...1_000_000)],
    invariances: [.orthogonal, .scaling, .translation, .permutation]
  ) { pair, settings in
    let lambda = settings.number("lambda")
    // What a direction of share λᵢ keeps under the penalty.
    func kept(_ z: Prepared) throws -> [Double] {
      let basis = lambda == 0 ? try z.properBasis() : try z.leftBasis()
      return basis.values.map { sigma in
        let share = sigma * sigma / z.squaredNorm
        return share / (share + lambda)
      }
    }
    let (a, b) = (try kept(pair.x), try kept(pair.y))
    let cross = try pair.basisCross()
    var joint = 0.0
    for i in a.indices {
      for j in b.indices { joint += a[i] * b[j] * cross[i, j] * cross[i, j] }
    }
    return max(0, dot(a, a) + dot(b, b) - 2 * joint)
  }
}
