// Owns the term of an objective that compares activations at the map's cut.
import NeuralNetworks

/// ‖S − T‖_F / ‖T‖_F over the whole batch, unsquared (arXiv 2505.20142).
enum HintTerm: ObjectiveTerm {
  static func add(_ objective: Objective, over cuts: [Cut], to step: inout StepLosses) {
    step.add(cuts[0], weight: objective.hint)
  }
}
