// Owns linear centred kernel alignment.
import Tensor

extension Measure {
  /// ‖YᵀX‖²_F / (‖XᵀX‖_F ‖YᵀY‖_F) of centred X: n × p, Y: n × q.
  public static let linearCKA = Measure(
    name: "linear_cka",
    summary: "linear centred kernel alignment: 1 for the same up to rotation and scale, 0 for unrelated",
    citation: "Kornblith et al., Similarity of Neural Network Representations Revisited, ICML 2019",
    invariances: [.orthogonal, .scaling, .translation, .permutation]
  ) { x, y in
    // Of n × n Gram matrices and p × p, p × q, q × q products, the smaller ones: the norms are the same.
    if max(x.source.p, y.source.p) <= x.source.n {
      let cross = x.transposedTimes(y).squaredNorm
      return cross / (x.featureGram().squaredNorm * y.featureGram().squaredNorm).squareRoot()
    }
    let k = x.gram()
    let l = y.gram()
    let cross = zip(k.values, l.values).reduce(0) { $0 + $1.0 * $1.1 }
    return cross / (k.squaredNorm * l.squaredNorm).squareRoot()
  }
}
