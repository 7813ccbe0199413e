// Owns how the learning rate falls.

/// The learning rate over the epochs.
public enum Schedule: String, Sendable, Hashable, Codable, CaseIterable {
  /// The same throughout.
  case constant
  /// A tenth after one third of the epochs, a hundredth after two thirds.
  case steps

  /// What the base rate is multiplied by in an epoch (counted from 0).
  public func factor(epoch: Int, of epochs: Int) -> Double {
    switch self {
    case .constant: 1
    case .steps: epoch * 3 < epochs ? 1 : epoch * 3 < epochs * 2 ? 0.1 : 0.01
    }
  }
}
