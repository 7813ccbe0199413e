// Owns how much of one representation is a linear function of the other.
import Tensor

extension Measure {
  public static let linearRegression = Measure(
    name: "linear_regression", resi: "LinReg",
    summary: "the share of x's variance that a linear map of y accounts for, R²",
    formula: "‖Q_YᵀX‖²_F / ‖X‖²_F, Q_Y an orthonormal basis of Y's columns",
    citation: "Kornblith et al., Similarity of Neural Network Representations Revisited, ICML 2019",
    .similarity, 0...1, isSymmetric: false, leastSamples: 3,
    invariances: [.orthogonal, .scaling, .translation, .permutation],
    invariancesOfY: Set(Invariance.allCases)
  ) { pair, _ in
    _ = try pair.y.properBasis()
    let sigma = try pair.x.leftBasis().values
    let cross = try pair.basisCross()
    var (explained, all) = (0.0, 0.0)
    for i in 0..<cross.rows {
      let square = sigma[i] * sigma[i]
      all += square
      for j in 0..<cross.columns { explained += square * cross[i, j] * cross[i, j] }
    }
    return min(1, explained / all)
  }
}
