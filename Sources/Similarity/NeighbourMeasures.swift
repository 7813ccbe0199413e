// Owns measures of how far samples have the same neighbours in both representations.
import Tensor

extension Measure {
  public static let jaccardNeighbours = Measure(
    name: "jaccard_knn", resi: "Jaccard",
    summary: "mean overlap of each sample's neighbours: 1 for the same ones",
    formula: "mean of |N_X(i) ∩ N_Y(i)| / |N_X(i) ∪ N_Y(i)| over samples i; X, Y as they are, not centred",
    citation: "Schumacher et al., The Effects of Randomness on the Stability of Node Embeddings, 2020",
    .similarity, 0...1, parameters: MeasureParameter.neighbours,
    invariances: [.orthogonal, .scaling, .permutation]
  ) { pair, settings in
    try pair.meanOverSamples(settings) { overlap($0, $1) }
  }

  public static let rankSimilarity = Measure(
    name: "rank_similarity", resi: "RankSim",
    summary: "mean closeness of the ranks of common neighbours: 1 for the same order",
    formula:
      "mean over samples of Σⱼ 2 / ((1 + |rⱼ − sⱼ|)(rⱼ + sⱼ)) / Σ_{m ≤ c} 1/m, j the c common neighbours, r and s "
      + "their ranks",
    citation: "Wang et al., Towards Understanding the Instability of Network Embedding, TKDE 2020",
    .similarity, 0...1, parameters: MeasureParameter.neighbours,
    invariances: [.orthogonal, .scaling, .permutation]
  ) { pair, settings in
    try pair.meanOverSamples(settings) { rankCloseness($0, $1) }
  }

  public static let jointRankJaccard = Measure(
    name: "joint_rank_jaccard",
    summary:
      "mean product of the overlap of neighbours and the closeness of their ranks: 1 for the same order",
    formula: "mean over samples of the terms of jaccard_knn times those of rank_similarity",
    citation: "Wang et al., Towards Understanding the Instability of Network Embedding, TKDE 2020",
    .similarity, 0...1, parameters: MeasureParameter.neighbours,
    invariances: [.orthogonal, .scaling, .permutation]
  ) { pair, settings in
    try pair.meanOverSamples(settings) { overlap($0, $1) * rankCloseness($0, $1) }
  }

  public static let secondOrderCosine = Measure(
    name: "second_order_cosine", resi: "2nd-Cos",
    summary: "mean cosine of each sample's similarities to its neighbours: 1 for the same",
    formula:
      "mean over samples of cos(s, t), s and t the cosines with all samples of N_X(i) ∪ N_Y(i) in X and in Y",
    citation: "Hamilton, Leskovec & Jurafsky, Cultural Shift or Linguistic Drift?, EMNLP 2016",
    .similarity, -1...1, parameters: [MeasureParameter.neighbours[0]],
    invariances: [.orthogonal, .scaling, .permutation]
  ) { pair, settings in
    let k = settings.whole("k")
    let (a, b) = (try pair.x.neighbours(k, .cosine), try pair.y.neighbours(k, .cosine))
    let (s, t) = (try pair.x.cosines(), try pair.y.cosines())
    var sum = 0.0
    for i in 0..<pair.n {
      let union = Set(a.of(i)).union(b.of(i)).sorted()
      let (u, v) = (union.map { s[i, $0] }, union.map { t[i, $0] })
      let norms = dot(u, u) * dot(v, v)
      guard norms > 0 else {
        throw SimilarityError("sample \(i) is at right angles to all of its neighbours")
      }
      sum += dot(u, v) / norms.squareRoot()
    }
    return min(1, sum / Double(pair.n))
  }
}

extension Comparison {
  fileprivate func meanOverSamples(
    _ settings: MeasureSettings, _ term: (ArraySlice<Int>, ArraySlice<Int>) -> Double
  ) throws -> Double {
    let (k, nearness) = (settings.whole("k"), settings.nearness)
    let (a, b) = (try x.neighbours(k, nearness), try y.neighbours(k, nearness))
    return (0..<n).reduce(0.0) { $0 + term(a.of($1), b.of($1)) } / Double(n)
  }
}

private func overlap(_ a: ArraySlice<Int>, _ b: ArraySlice<Int>) -> Double {
  let common = Set(a).intersection(b).count
  return Double(common) / Double(a.count + b.count - common)
}

private func rankCloseness(_ a: ArraySlice<Int>, _ b: ArraySlice<Int>) -> Double {
  let ranks = Dictionary(uniqueKeysWithValues: b.enumerated().map { ($1, $0 + 1) })
  var (sum, most, common) = (0.0, 0.0, 0)
  for (i, sample) in a.enumerated() {
    guard let other = ranks[sample] else { continue }
    let rank = i + 1
    common += 1
    most += 1 / Double(common)
    sum += 2 / Double((1 + abs(rank - other)) * (rank + other))
  }
  return common == 0 ? 0 : min(1, sum / most)
}
