// Owns the standard normal distribution.

import Tensor

public enum NormalDistribution {
  /// Φ(z), to 1e-15: ½ + φ(z)·(z + z³/3 + z⁵/(3·5) + …) (Marsaglia 2004).
  public static func probability(below z: Double) -> Double {
    guard z.magnitude < 9 else { return z < 0 ? 0 : 1 }
    var (term, sum, k) = (z, z, 1.0)
    while true {
      k += 2
      term *= z * z / k
      guard sum + term != sum else { break }
      sum += term
    }
    return 0.5 + sum * Elementary.exp(-z * z / 2) / (2 * Double.pi).squareRoot()
  }

  /// The z below which values lie with this probability.
  /// - Precondition: 0 < probability < 1.
  public static func quantile(_ probability: Double) -> Double {
    precondition(probability > 0 && probability < 1, "BUG: the quantile of \(probability)")
    var (low, high) = (-9.0, 9.0)
    // Halved until there is no number between them.
    while true {
      let middle = low + (high - low) / 2
      guard middle > low, middle < high else { return middle }
      if self.probability(below: middle) < probability { low = middle } else { high = middle }
    }
  }
}
