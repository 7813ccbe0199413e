// Owns representational similarity analysis: whether samples that are far apart in one representation are so in the
// other.
import Statistics

extension Measure {
  public static let rsa = Measure(
    name: "rsa", resi: "RSA",
    summary: "rank correlation of the dissimilarities of samples: 1 for the same order, 0 for unrelated",
    formula: "Spearman's ρ of 1 − Pearson correlation (or another distance) of every two samples",
    citation: "Kriegeskorte, Mur & Bandettini, Representational Similarity Analysis, 2008",
    .similarity, -1...1, leastSamples: 3,
    parameters: [.word("distance", "of two samples", ["pearson", "euclidean", "cosine"])],
    invariances: [.scaling, .permutation]
  ) { pair, settings in
    let distance = settings.word("distance")
    let (a, b) = (try pair.x.rankedDistances(distance), try pair.y.rankedDistances(distance))
    return min(1, max(-1, dot(a, b)))
  }
}

extension Prepared {
  /// The ranks of every two samples' distances, centred and of norm 1.
  fileprivate func rankedDistances(_ distance: String) throws -> [Double] {
    // Of similarities both have the opposite order.
    let pairs =
      switch distance {
      case "pearson": try correlations()
      case "cosine": try cosines()
      default: try distances()
      }
    return try shared("ranked \(distance)", doubles: pairs.values.count) {
      let ranks = averageRanks(pairs.values)
      let middle = Double(ranks.count + 1) / 2
      let centred = ranks.map { $0 - middle }
      let square = dot(centred, centred)
      guard square > 0 else {
        throw SimilarityError("every two samples of \(name) are equally far apart; that has no order")
      }
      return centred.map { $0 / square.squareRoot() }
    }
  }
}
