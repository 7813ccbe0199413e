// Owns the agreement of softmax outputs, and what it would be by chance.

extension OutputMeasure {
  /// The mean over inputs of p·q / max(‖p‖², ‖q‖²).
  public static let agreement = OutputMeasure(
    name: "agreement",
    summary: "mean of p·q / max(‖p‖², ‖q‖²) over softmax outputs p, q; 1 for the same",
    citation: "arXiv 2505.20142", range: 0...1, direction: .similarity
  ) { outputs in
    var sum = 0.0
    outputs.forEachInput { _, p, q in
      var (both, first, second) = (0.0, 0.0, 0.0)
      for c in p.indices {
        both += p[c] * q[c]
        first += p[c] * p[c]
        second += q[c] * q[c]
      }
      sum += both / max(first, second)
    }
    return sum / Double(outputs.count)
  }

  /// The agreement of networks that had nothing in common but how often they say what: the mean over all pairs of an
  /// input i and an input j of pᵢ·qⱼ / max(‖pᵢ‖², ‖qⱼ‖²).
  public static let chanceAgreement = OutputMeasure(
    name: "chance_agreement",
    summary:
      "the agreement of p on one input with q on another, mean over all pairs: what agreement is by chance",
    citation: "after Cohen 1960", range: 0...1, direction: .level
  ) { outputs in
    let (count, classes) = (outputs.count, outputs.classes)
    var (first, second) = ([Double](repeating: 0, count: count), [Double](repeating: 0, count: count))
    outputs.forEachInput { row, p, q in
      first[row] = p.reduce(0) { $0 + $1 * $1 }
      second[row] = q.reduce(0) { $0 + $1 * $1 }
    }
    // Σᵢⱼ pᵢ·qⱼ / max(aᵢ, bⱼ) = Σᵢ pᵢ·(Σ of qⱼ with bⱼ ≤ aᵢ / aᵢ + Σ of qⱼ / bⱼ over the others): both sums are over a
    // beginning and an end of the inputs in the order of b.
    let order = (0..<count).sorted { (second[$0], $0) < (second[$1], $1) }
    var rest = [Double](repeating: 0, count: classes)
    for j in order {
      for c in 0..<classes { rest[c] += outputs.q[j * classes + c] / second[j] }
    }
    var below = [Double](repeating: 0, count: classes)
    var taken = 0
    var sum = 0.0
    for i in (0..<count).sorted(by: { (first[$0], $0) < (first[$1], $1) }) {
      while taken < count, second[order[taken]] <= first[i] {
        let j = order[taken]
        for c in 0..<classes {
          below[c] += outputs.q[j * classes + c]
          rest[c] -= outputs.q[j * classes + c] / second[j]
        }
        taken += 1
      }
      for c in 0..<classes { sum += outputs.p[i * classes + c] * (below[c] / first[i] + rest[c]) }
    }
    return sum / (Double(count) * Double(count))
  }
}
