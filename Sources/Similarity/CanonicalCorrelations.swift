// Owns measures that summarise canonical correlations.
import Statistics
import Tensor

extension Measure {
  public static let meanCCA = Measure(
    name: "mean_cca", summary: "mean canonical correlation: 1 for the same up to an invertible map",
    formula: "Σρ/d, d the smaller rank", citation: raghu,
    .similarity, 0...1, leastSamples: 3,
    invariances: Set(Invariance.allCases)
  ) { pair, _ in
    Sample(try pair.canonicalCorrelations()).mean
  }

  public static let squaredCCA = Measure(
    name: "r2_cca", summary: "mean squared canonical correlation: 1 for the same up to an invertible map",
    formula: "Σρ²/d, d the smaller rank",
    citation: "Kornblith et al., Similarity of Neural Network Representations Revisited, ICML 2019",
    .similarity, 0...1, leastSamples: 3,
    invariances: Set(Invariance.allCases)
  ) { pair, _ in
    Sample(try pair.canonicalCorrelations().map { $0 * $0 }).mean
  }

  public static let svcca = Measure(
    name: "svcca", resi: "SVCCA",
    summary: "mean canonical correlation of the directions that have most of the variance",
    formula:
      "Σρ/d of the first singular directions of X and of Y that reach the share of Σσ², d the smaller number",
    citation: raghu, .similarity, 0...1, leastSamples: 3,
    parameters: [
      .number("share", "of the squared singular values, that the directions kept reach", 0.99, 0.01...1)
    ],
    invariances: [.orthogonal, .scaling, .translation, .permutation]
  ) { pair, settings in
    let share = settings.number("share")
    func kept(_ z: Prepared) throws -> Int {
      let basis = try z.leftBasis()
      let goal = basis.values.reduce(0) { $0 + $1 * $1 } * share
      var sum = 0.0
      let first = basis.values.firstIndex { value in
        sum += value * value
        return sum >= goal
      }
      let count = (first ?? basis.rank - 1) + 1
      guard count < pair.n - 1 else {
        throw SimilarityError(
          "\(z.name) needs \(count) directions for a share of \(share), and \(pair.n) samples have no more; take a "
            + "lower 'share' or more samples")
      }
      return count
    }
    let (k, l) = (try kept(pair.x), try kept(pair.y))
    let cross = try pair.basisCross()
    return try pair.shared("svcca \(k) \(l)") {
      Sample(try cross.leading(rows: k).leading(columns: l).singularValues().map { min(1, $0) }).mean
    }
  }

  /// The weights are X's, as the paper's text has them; its program takes those of the narrower one.
  public static let pwcca = Measure(
    name: "pwcca", resi: "PWCCA",
    summary: "mean canonical correlation, weighted by how much of x each direction accounts for",
    formula: "Σαᵢρᵢ/Σαᵢ, αᵢ = Σⱼ|hᵢᵀxⱼ|, hᵢ the canonical variates of X, xⱼ its columns",
    citation:
      "Morcos, Raghu & Bengio, Insights on Representational Similarity with Canonical Correlation, NeurIPS 2018",
    .similarity, 0...1, isSymmetric: false, leastSamples: 3,
    invariances: [.scaling, .translation, .permutation], invariancesOfY: Set(Invariance.allCases)
  ) { pair, _ in
    let (x, basis, other) = (pair.x, try pair.x.properBasis(), try pair.y.properBasis())
    guard basis.rank + other.rank < pair.n else {
      throw SimilarityError(
        "\(x.name) and \(pair.y.name) have ranks \(basis.rank) and \(other.rank) on \(pair.n) samples: by count alone "
          + "some canonical correlations are 1, of no directions in particular; take more samples, or fewer features "
          + "with layout 'pool'")
    }
    let cross = try pair.basisCross()
    let (a, correlations, _) = try cross.singularValueDecomposition()
    // Hᵀ, r × n.
    let variates = (basis.directions * a).transposed
    var weights = [Double](repeating: 0, count: correlations.count)
    for range in x.columnBlocks {
      let products = variates * x.columns(range)
      for i in weights.indices {
        for j in 0..<range.count { weights[i] += abs(products[i, j]) }
      }
    }
    return zip(weights, correlations).reduce(0) { $0 + $1.0 * min(1, $1.1) } / weights.reduce(0, +)
  }
}

private let raghu = "Raghu et al., SVCCA: Singular Vector Canonical Correlation Analysis, NeurIPS 2017"
