// Owns the Jensen-Shannon divergence of softmax outputs.
import Tensor

extension OutputMeasure {
  /// The mean over inputs of (KL(p ‖ m) + KL(q ‖ m)) / 2, m = (p + q) / 2, in bits.
  public static let jensenShannonDivergence = OutputMeasure(
    name: "jensen_shannon_divergence",
    summary: "mean of (KL(p‖m) + KL(q‖m)) / 2, m = (p + q) / 2, in bits; 0 for the same",
    citation: "Lin 1991", range: 0...1, direction: .distance
  ) { outputs in
    var sum = 0.0
    outputs.forEachInput { _, p, q in
      for c in p.indices {
        let m = (p[c] + q[c]) / 2
        // 0·log 0 is 0.
        if p[c] > 0 { sum += p[c] * Elementary.log(p[c] / m) }
        if q[c] > 0 { sum += q[c] * Elementary.log(q[c] / m) }
      }
    }
    return sum / (2 * Elementary.log(2) * Double(outputs.count))
  }
}
