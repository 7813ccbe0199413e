// Owns stochastic gradient descent, by PyTorch's formulas.

import CKernels

/// torch.optim.SGD with dampening 0; weight decay is added to the gradient.
public struct SGD: OptimiserRule, Hashable {
  /// The share of the last step's direction that the next one keeps.
  public var momentum: Float
  /// Whether the gradient counts once more behind the momentum (Sutskever et al. 2013, in PyTorch's form).
  public var nesterov: Bool
  /// λ of the penalty λ/2 ‖p‖².
  public var weightDecay: Float

  /// The rule of the given constants.
  public init(momentum: Float = 0, nesterov: Bool = false, weightDecay: Float = 0) {
    self.momentum = momentum
    self.nesterov = nesterov
    self.weightDecay = weightDecay
  }

  public var moments: [String] { momentum == 0 ? [] : ["momentum"] }
  public var bases: [Double] { [] }

  public func update(_ run: ParameterRun, rate: Double, powers: [Double]) {
    // The momentum starts at zero, so the first step's is the gradient, as PyTorch's.
    kernels_sgd(
      Int64(run.count), run.values, run.gradients, run.moments.first, Float(rate),
      run.decays ? weightDecay : 0,
      momentum, nesterov)
  }
}

extension OptimiserRule where Self == SGD {
  /// Stochastic gradient descent.
  public static func sgd(momentum: Float = 0, nesterov: Bool = false, weightDecay: Float = 0) -> SGD {
    SGD(momentum: momentum, nesterov: nesterov, weightDecay: weightDecay)
  }
}
