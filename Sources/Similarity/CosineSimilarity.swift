// Owns mean cosines of a sample's two representations, as they are and after the best rotation.
import Tensor

extension Measure {
  public static let cosineSimilarity = Measure(
    name: "cosine_similarity",
    summary: "mean cosine of a sample in x and in y, unit by unit: 1 for the same up to a sample's scale",
    formula: "mean of cos(xᵢ, yᵢ) over samples i; X, Y as they are, not centred, of as many features",
    citation: "Klabunde et al., Similarity of Neural Network Models: A Survey, 2023",
    .similarity, -1...1, invariances: [.scaling]
  ) { pair, _ in
    let (x, y) = (pair.x, pair.y)
    guard x.p == y.p else {
      throw SimilarityError(
        "\(x.name) has \(x.p) features, \(y.name) has \(y.p); take aligned_cosine, which rotates one to the other"
      )
    }
    return try meanCosine(pair, x.profile().squares, y.profile().squares) { i in
      x.withRawValues { a in
        y.withRawValues { b in
          (i * x.p..<(i + 1) * x.p).reduce(0.0) { $0 + Double(a[$1]) * Double(b[$1]) }
        }
      }
    }
  }

  public static let alignedCosine = Measure(
    name: "aligned_cosine", resi: "AlignCos",
    summary: "mean cosine of a sample in x and in y after the best rotation: 1 for the same up to rotation",
    formula: "mean of cos(xᵢR, yᵢ) over samples i, R = UVᵀ of XᵀY = UΣVᵀ; the narrower padded with zeros",
    citation: "Hamilton, Leskovec & Jurafsky, Diachronic Word Embeddings Reveal Statistical Laws, ACL 2016",
    .similarity, -1...1, invariances: [.orthogonal, .scaling, .translation, .permutation]
  ) { pair, _ in
    let (f, g) = (try pair.x.factor(), try pair.y.factor())
    let (u, sigma, vt) = try pair.factorCross().singularValueDecomposition()
    // What is at right angles to the other has no rotation of its own.
    let rank = sigma.count { $0 > sigma[0] * 1e-12 }
    let a = (f * u.leading(columns: rank))
    let b = g.timesTransposed(vt.leading(rows: rank))
    func squares(_ z: Matrix) -> [Double] {
      (0..<z.rows).map { i in (0..<z.columns).reduce(0) { $0 + z[i, $1] * z[i, $1] } }
    }
    return try meanCosine(pair, squares(f), squares(g)) { i in
      (0..<rank).reduce(0) { $0 + a[i, $1] * b[i, $1] }
    }
  }
}

/// The mean of products over roots of squares.
private func meanCosine(
  _ pair: Comparison, _ x: [Double], _ y: [Double], _ product: (Int) -> Double
) throws -> Double {
  for (z, squares) in [(pair.x, x), (pair.y, y)] {
    if let zero = squares.firstIndex(of: 0) {
      throw SimilarityError("sample \(zero) of \(z.name) is 0, which has no direction")
    }
  }
  let sum = (0..<pair.n).reduce(0.0) { $0 + product($1) / (x[$1].squareRoot() * y[$1].squareRoot()) }
  return min(1, max(-1, sum / Double(pair.n)))
}
