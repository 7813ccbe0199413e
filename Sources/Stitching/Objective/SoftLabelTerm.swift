// Owns the term of an objective that compares outputs: soft-label matching.
import NeuralNetworks

/// KL(softmax end ‖ softmax stitched), temperature 1, the mean over the batch (Csiszárik et al. 2021).
enum SoftLabelTerm: ObjectiveTerm {
  static func add(_ objective: Objective, over cuts: [Cut], to step: inout StepLosses) {
    if objective.soft > 0 { step.add(Divergence(weight: objective.soft)) }
  }

  struct Divergence: OutputLoss {
    let weight: Double
    var needsEnd: Bool { true }

    func evaluate(_ batch: StitchedLogits, gradient: UnsafeMutableBufferPointer<Float>) -> Double {
      Loss.softLabel(
        batch.logits, targets: batch.own, batch: batch.count, gradient: gradient, weight: weight)
    }
  }
}
