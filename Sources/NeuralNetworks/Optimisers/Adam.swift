// Owns Adam and AdamW, by PyTorch's formulas.

import CKernels

/// Adam (Kingma & Ba 2015; torch.optim.Adam), or with `decoupled` AdamW (Loshchilov & Hutter 2019; torch.optim.AdamW).
public struct Adam: OptimiserRule, Hashable {
  /// How much of the gradients' mean is kept each step.
  public var beta1: Double
  /// How much of their mean square is kept each step.
  public var beta2: Double
  /// What is added to the root of the mean square.
  public var epsilon: Double
  /// Added to the gradient as λp; where decoupled, p shrinks by rate · λ instead.
  public var weightDecay: Float
  /// Whether weight decay stays out of the moments.
  public var decoupled: Bool

  /// The rule of the given constants.
  public init(
    beta1: Double = 0.9, beta2: Double = 0.999, epsilon: Double = 1e-8, weightDecay: Float = 0,
    decoupled: Bool = false
  ) {
    self.beta1 = beta1
    self.beta2 = beta2
    self.epsilon = epsilon
    self.weightDecay = weightDecay
    self.decoupled = decoupled
  }

  public var moments: [String] { ["mean", "square"] }
  public var bases: [Double] { [beta1, beta2] }

  public func update(_ run: ParameterRun, rate: Double, powers: [Double]) {
    let decay = run.decays ? weightDecay : 0
    let step = kernels_adam(
      kept: decoupled ? Float(1 - rate * Double(decay)) : 1, added: decoupled ? 0 : decay,
      beta1: Float(beta1),
      beta2: Float(beta2), rate: Float(rate / (1 - powers[0])), scale: Float((1 - powers[1]).squareRoot()),
      epsilon: Float(epsilon))
    kernels_adam_step(
      Int64(run.count), step, run.values, run.gradients, run.moments[0], run.moments[1])
  }
}

extension OptimiserRule where Self == Adam {
  /// Adam; weight decay is added to the gradient.
  public static func adam(
    beta1: Double = 0.9, beta2: Double = 0.999, epsilon: Double = 1e-8, weightDecay: Float = 0
  ) -> Adam {
    Adam(beta1: beta1, beta2: beta2, epsilon: epsilon, weightDecay: weightDecay)
  }

  /// AdamW; weight decay shrinks the parameters.
  public static func adamW(
    beta1: Double = 0.9, beta2: Double = 0.999, epsilon: Double = 1e-8, weightDecay: Float = 1e-2
  ) -> Adam {
    Adam(beta1: beta1, beta2: beta2, epsilon: epsilon, weightDecay: weightDecay, decoupled: true)
  }
}
