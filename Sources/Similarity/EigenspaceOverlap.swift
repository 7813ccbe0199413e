// Owns how far the subspaces that two representations span overlap.
import Tensor

extension Measure {
  public static let eigenspaceOverlap = Measure(
    name: "eigenspace_overlap", resi: "EOS",
    summary: "overlap of the spanned subspaces: 1 for the same one",
    formula: "‖U_XᵀU_Y‖²_F / d, d the larger rank; U_X, U_Y orthonormal bases of the columns",
    citation: "May et al., On the Downstream Performance of Compressed Word Embeddings, NeurIPS 2019",
    .similarity, 0...1, leastSamples: 3, invariances: Set(Invariance.allCases)
  ) { pair, _ in
    let rank = max(try pair.x.properBasis().rank, try pair.y.properBasis().rank)
    return try pair.basisCross().squaredNorm / Double(rank)
  }

  public static let subspaceOverlap = Measure(
    name: "subspace_overlap",
    summary: "overlap of the subspaces of the first principal directions: 1 for the same one",
    formula: "‖U_XᵀU_Y‖²_F / k, U_X, U_Y the first k left singular vectors",
    citation: "Krzanowski, Between-Groups Comparison of Principal Components, JASA 1979",
    .similarity, 0...1, leastSamples: 3,
    parameters: [.whole("dimensions", "k, at most either rank", 3, 1...20_000)],
    invariances: [.orthogonal, .scaling, .translation, .permutation]
  ) { pair, settings in
    let k = settings.whole("dimensions")
    for z in [pair.x, pair.y] {
      let rank = try z.leftBasis().rank
      guard k <= rank, k < pair.n - 1 else {
        throw SimilarityError(
          "\(z.name) has rank \(rank) on \(pair.n) samples; take fewer 'dimensions' than \(k)")
      }
    }
    return try pair.basisCross().leading(rows: k).leading(columns: k).squaredNorm / Double(k)
  }
}
