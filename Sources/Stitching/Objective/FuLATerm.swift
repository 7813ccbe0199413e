// Owns functional latent alignment as a term of an objective.
import NeuralNetworks

/// The mean over the end's cuts k = m … L of ‖h_k(stitched) − h_k(end)‖_F / ‖h_k(end)‖_F (arXiv 2505.20142); where asked,
/// with the divergence of outputs averaged in, as much as a cut of weight 1.
enum FuLATerm: ObjectiveTerm {
  static func add(_ objective: Objective, over cuts: [Cut], to step: inout StepLosses) {
    guard objective.fula > 0 else { return }
    let weights = objective.cutWeights ?? cuts.map { _ in 1 }
    let sum = weights.reduce(0, +) + (objective.fulaIncludesSoft ? 1 : 0)
    for (cut, weight) in zip(cuts, weights) { step.add(cut, weight: objective.fula * weight / sum) }
    if objective.fulaIncludesSoft { step.add(SoftLabelTerm.Divergence(weight: objective.fula / sum)) }
  }
}
