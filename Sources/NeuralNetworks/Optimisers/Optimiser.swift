// Owns the update rules and their state, by PyTorch's formulas.

/// Which update rule, with its constants; the learning rate comes with each step.
public enum OptimiserRule: Sendable, Hashable {
  /// Stochastic gradient descent (torch.optim.SGD, dampening 0); weight decay is added to the gradient.
  case sgd(momentum: Float = 0, nesterov: Bool = false, weightDecay: Float = 0)
  /// Adam (torch.optim.Adam); weight decay is added to the gradient.
  case adam(beta1: Double = 0.9, beta2: Double = 0.999, epsilon: Double = 1e-8, weightDecay: Float = 0)
}

/// One parameter set's optimiser: the rule and its running state.
public final class Optimiser {
  /// The update rule.
  public let rule: OptimiserRule
  private let parameters: ParameterSet
  /// SGD's momentum, or Adam's first and second moments.
  private let first: UnsafeMutablePointer<Float>
  private let second: UnsafeMutablePointer<Float>?
  /// Adam's β₁ᵗ and β₂ᵗ after t steps.
  private var powers = (1.0, 1.0)

  /// An optimiser with fresh state.
  public init(_ rule: OptimiserRule, for parameters: ParameterSet) {
    self.rule = rule
    self.parameters = parameters
    first = allocateFloats(parameters.trainedCount)
    if case .adam = rule { second = allocateFloats(parameters.trainedCount) } else { second = nil }
  }

  deinit {
    UnsafeMutableRawPointer(first).deallocate()
    second.map { UnsafeMutableRawPointer($0).deallocate() }
  }

  /// Moves the parameters by one step; every plan over them sees it at its next forward pass.
  public func step(_ gradients: ParameterGradients, learningRate: Double) {
    precondition(gradients.parameters === parameters, "BUG: gradients of another parameter set")
    let count = parameters.trainedCount
    let p = parameters.base
    let g = gradients.values
    switch rule {
    case .sgd(let momentum, let nesterov, let weightDecay):
      let rate = Float(learningRate)
      let m = first
      for i in 0..<count {
        let d = g[i] + weightDecay * p[i]
        // State starts at zero, so the first step's momentum is the gradient, as PyTorch's.
        m[i] = momentum * m[i] + d
        p[i] -= rate * (nesterov ? d + momentum * m[i] : m[i])
      }
    case .adam(let beta1, let beta2, let epsilon, let weightDecay):
      let (b1, b2) = (Float(beta1), Float(beta2))
      powers = (powers.0 * beta1, powers.1 * beta2)
      let (correction1, correction2) = (1 - powers.0, 1 - powers.1)
      let rate = Float(learningRate / correction1)
      let scale = Float(correction2.squareRoot())
      let (m, v, epsilon) = (first, second!, Float(epsilon))
      for i in 0..<count {
        let d = g[i] + weightDecay * p[i]
        m[i] += (1 - b1) * (d - m[i])
        v[i] = b2 * v[i] + (1 - b2) * d * d
        p[i] -= rate * m[i] / (v[i].squareRoot() / scale + epsilon)
      }
    }
    parameters.parametersChanged()
  }
}
