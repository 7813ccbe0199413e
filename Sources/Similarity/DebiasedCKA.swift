// Owns linear centred kernel alignment by the unbiased estimator of HSIC, of all samples and over minibatches.
import Tensor

extension Measure {
  public static let linearCKADebiased = Measure(
    name: "linear_cka_debiased",
    summary: "linear centred kernel alignment without the bias of few samples: about 0 for unrelated",
    formula: "HSIC₁(K, L) / √(HSIC₁(K, K) HSIC₁(L, L)), K = XXᵀ, L = YYᵀ",
    citation:
      "Song et al., Feature Selection via Dependence Maximization, JMLR 2012; Nguyen, Raghu & Kornblith, ICLR 2021",
    .similarity, -1...1, leastSamples: 4,
    invariances: [.orthogonal, .scaling, .translation, .permutation]
  ) { pair, _ in
    let (k, l) = (try pair.x.unbiasedGram(), try pair.y.unbiasedGram())
    return try alignment(
      pair.shared("unbiased gram product") { dot(k.values, l.values) }, k.squaredNorm, l.squaredNorm)
  }

  public static let linearCKAMinibatch = Measure(
    name: "linear_cka_minibatch",
    summary: "the debiased alignment of batches of consecutive samples, as large data sets have it",
    formula:
      "Σ_b HSIC₁(K_b, L_b) / √(Σ_b HSIC₁(K_b, K_b) Σ_b HSIC₁(L_b, L_b)); a last batch that isn't full is left out",
    citation: "Nguyen, Raghu & Kornblith, Do Wide and Deep Networks Learn the Same Things?, ICLR 2021",
    .similarity, -1...1, leastSamples: 4,
    parameters: [.whole("batch", "samples in a batch, at most all there are", 256, 4...20_000)],
    invariances: [.orthogonal, .scaling, .translation, .permutation]
  ) { pair, settings in
    let batch = min(settings.whole("batch"), pair.n)
    let (k, l) = (try pair.x.unbiasedGrams(batch: batch), try pair.y.unbiasedGrams(batch: batch))
    func sum(_ a: [Matrix], _ b: [Matrix]) -> Double {
      zip(a, b).reduce(0) { $0 + dot($1.0.values, $1.1.values) }
    }
    return try alignment(sum(k, l), sum(k, k), sum(l, l))
  }
}

/// The normalised product. Of an unbiased estimator the norms are positive, unless all samples are equally far apart.
private func alignment(_ cross: Double, _ x: Double, _ y: Double) throws -> Double {
  guard x > 0, y > 0 else {
    throw SimilarityError("all samples are equally far apart; without its bias the alignment is 0 / 0")
  }
  return min(1, max(-1, cross / (x.squareRoot() * y.squareRoot())))
}

extension Prepared {
  /// The U-centred Gram matrix, whose products are n(n − 3) HSIC₁.
  func unbiasedGram() throws -> Matrix {
    let gram = try gram()
    return shared("unbiased gram", doubles: n * n) { gram.withUnbiasedCentres() }
  }

  /// The same of each full batch of consecutive samples, read in turn: n may be large.
  func unbiasedGrams(batch: Int) throws -> [Matrix] {
    let batches = stride(from: 0, through: n - batch, by: batch)
    return shared("unbiased grams \(batch)", doubles: n * batch) {
      batches.map { start in
        var gram = Matrix(zeros: batch, batch)
        gram.addGram(of: rows(start..<(start + batch)))
        return gram.withUnbiasedCentres()
      }
    }
  }
}

extension Matrix {
  /// U-centred (Székely & Rizzo 2014, definition 2): row and column effects of what is beside the diagonal are taken
  /// away, and the diagonal is 0. ⟨Ã, B̃⟩ = n(n − 3) HSIC₁.
  fileprivate func withUnbiasedCentres() -> Matrix {
    let n = rows
    let sums = (0..<n).map { row in
      (0..<n).reduce(0.0) { $0 + ($1 == row ? 0 : self[row, $1]) } / Double(n - 2)
    }
    let all = sums.reduce(0, +) / Double(n - 1)
    var out = self
    for row in 0..<n {
      for column in 0..<n {
        out[row, column] = row == column ? 0 : self[row, column] - sums[row] - sums[column] + all
      }
    }
    return out
  }
}
