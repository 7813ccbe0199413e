// Owns the energy of logits, and the loss that parts the energies of known inputs from those of others.

import Tensor

extension Loss {
  /// E(z) = −log Σ exp z of each row (Liu et al. 2020, "Energy-based out-of-distribution detection", eq. 4, temperature 1).
  /// - Parameter logits: rows × classes.
  public static func energies(_ logits: UnsafeBufferPointer<Float>, rows: Int) -> [Double] {
    let classes = logits.count / max(rows, 1)
    return (0..<rows).map {
      -logSumExp(UnsafeBufferPointer(rebasing: logits[($0 * classes)..<(($0 + 1) * classes)]))
    }
  }

  /// Where energies are to be.
  public enum EnergySide: Sendable {
    /// Those of known inputs.
    case atMost(Double)
    /// Those of others.
    case atLeast(Double)
  }

  /// The mean over the rows of the square of how far each energy is on the wrong side (Liu et al. 2020, eq. 8).
  /// - Parameters:
  ///   - logits: rows × classes.
  ///   - gradient: as many; what it holds is added to.
  ///   - weight: what loss and gradient are multiplied by.
  public static func energyMargin(
    _ logits: UnsafeBufferPointer<Float>, rows: Int, _ side: EnergySide, weight: Double = 1,
    addingTo gradient: UnsafeMutableBufferPointer<Float>? = nil
  ) -> Double {
    let classes = logits.count / max(rows, 1)
    var total = 0.0
    for (row, energy) in energies(logits, rows: rows).enumerated() {
      // What is wrong, and how it grows with the energy.
      let (wrong, sign) =
        switch side {
        case .atMost(let margin): (energy - margin, 1.0)
        case .atLeast(let margin): (margin - energy, -1.0)
        }
      guard wrong > 0 else { continue }
      total += wrong * wrong
      guard let gradient else { continue }
      for c in 0..<classes {
        // ∂E/∂z = −softmax z.
        let share = Elementary.exp(Double(logits[row * classes + c]) + energy)
        gradient[row * classes + c] -= Float(weight * 2 * wrong * sign * share / Double(rows))
      }
    }
    return weight * total / Double(rows)
  }
}
