// Owns how the learning rate falls.

/// The learning rate over the epochs.
public enum Schedule: String, Sendable, Hashable, Codable, CaseIterable {
  /// The same throughout.
  case constant
  /// A tenth after one third of the epochs, a hundredth after two thirds (He et al. 2016; arXiv 2505.20142).
  case steps

  /// What the base rate is multiplied by throughout an epoch (counted from 0) of `epochs`. Of 7 epochs with
  /// `steps`, 0…2 have 1, 3 and 4 have 0.1, and 5 and 6 have 0.01: a third begins with the first epoch that lies
  /// wholly in it.
  public func factor(epoch: Int, of epochs: Int) -> Double {
    switch self {
    case .constant: 1
    case .steps: epoch * 3 < epochs ? 1 : epoch * 3 < epochs * 2 ? 0.1 : 0.01
    }
  }
}
