// Owns the objective that trades accuracy for robustness.

/// CE(z, y) + β · KL(softmax z ‖ softmax z′), z of clean images and z′ of attacked ones, the attack raising the
/// divergence (Zhang et al. 2019, "Theoretically principled trade-off between robustness and accuracy", eq. 5, as in the
/// authors' code: gradients go through both passes, each with its own batch statistics).
public struct TRADES: TrainingObjective, Hashable {
  /// β, the paper's 1/λ.
  public var beta: Double
  /// Label smoothing of the cross-entropy.
  public var smoothing: Double

  /// The objective; the paper's CIFAR-10 networks have β = 6.
  public init(beta: Double = 6, smoothing: Double = 0) {
    self.beta = beta
    self.smoothing = smoothing
  }

  public var comparesAttacked: Bool { true }

  public func loss(_ batch: PredictedBatch, attacked: PredictedBatch?) -> Double {
    let natural = CrossEntropy(smoothing: smoothing).loss(batch, attacked: nil)
    guard let attacked else { return natural }
    return natural
      + Loss.divergence(
        batch.logits, attacked.logits, rows: attacked.count, weight: beta, addingTo: batch.gradient,
        gradient: attacked.gradient)
  }

  public func writeAttackGradient(_ batch: PredictedBatch, clean: UnsafeBufferPointer<Float>) {
    _ = Loss.divergence(clean, batch.logits, rows: batch.count, gradient: batch.gradient)
  }
}
