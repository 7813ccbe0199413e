// Owns the task's term of an objective: task-loss or hard-label matching.
import NeuralNetworks

/// The cross-entropy to the labels (arXiv 2412.11299).
enum TaskTerm: ObjectiveTerm {
  static func add(_ objective: Objective, over cuts: [Cut], to step: inout StepLosses) {
    if objective.task > 0 { step.add(Loss(weight: objective.task)) }
  }

  private struct Loss: OutputLoss {
    let weight: Double
    var needsEnd: Bool { false }

    func evaluate(_ batch: StitchedLogits, gradient: UnsafeMutableBufferPointer<Float>) -> Double {
      NeuralNetworks.Loss.crossEntropy(
        batch.logits, labels: batch.labels, gradient: gradient, weight: weight)
    }
  }
}
