// Owns the words for optimisers in pipeline files.

import NeuralNetworks
import Workflow

/// `optimiser: adamw`, `optimiser: { kind: sgd, nesterov: false }`.
struct OptimiserChoice: ParameterVariants {
  typealias Words = any OptimiserWords
  static let variants: [any ParameterVariant.Type] = [SGDWords.self, AdamWords.self, AdamWWords.self]
  let variant: any ParameterVariant

  init(_ variant: any ParameterVariant) { self.variant = variant }
}

/// Words for one optimiser. What most of them have in common, rate, momentum and weight decay, is written beside.
protocol OptimiserWords: ParameterVariant {
  /// The rate where none is written.
  var learningRate: Double { get }
  /// The momentum where none is written; nil where it has none of that name.
  var momentum: Double? { get }
  /// The weight decay where none is written.
  var weightDecay: Double { get }
  func rule(momentum: Double?, weightDecay: Double) -> any OptimiserRule
}

struct SGDWords: OptimiserWords {
  static let kind = "sgd"
  @Parameter("whether the gradient counts once more behind the momentum") var nesterov = true

  var learningRate: Double { 0.1 }
  var momentum: Double? { 0.9 }
  var weightDecay: Double { 1e-4 }
  func rule(momentum: Double?, weightDecay: Double) -> any OptimiserRule {
    SGD(
      momentum: Float(momentum ?? 0), nesterov: nesterov && momentum ?? 0 > 0, weightDecay: Float(weightDecay)
    )
  }
}

struct AdamWords: OptimiserWords {
  static let kind = "adam"
  @Parameter("how much of the gradients' mean is kept each step", .between(0, 0.999999)) var beta1 = 0.9
  @Parameter("how much of their mean square is kept each step", .between(0, 0.999999)) var beta2 = 0.999
  @Parameter("added to the root of the mean square", .above(0)) var epsilon = 1e-8

  var learningRate: Double { 1e-3 }
  var momentum: Double? { nil }
  var weightDecay: Double { 0 }
  func rule(momentum: Double?, weightDecay: Double) -> any OptimiserRule {
    Adam(beta1: beta1, beta2: beta2, epsilon: epsilon, weightDecay: Float(weightDecay))
  }
}

struct AdamWWords: OptimiserWords {
  static let kind = "adamw"
  @Parameter("how much of the gradients' mean is kept each step", .between(0, 0.999999)) var beta1 = 0.9
  @Parameter("how much of their mean square is kept each step", .between(0, 0.999999)) var beta2 = 0.999
  @Parameter("added to the root of the mean square", .above(0)) var epsilon = 1e-8

  var learningRate: Double { 1e-3 }
  var momentum: Double? { nil }
  var weightDecay: Double { 1e-2 }
  func rule(momentum: Double?, weightDecay: Double) -> any OptimiserRule {
    Adam(beta1: beta1, beta2: beta2, epsilon: epsilon, weightDecay: Float(weightDecay), decoupled: true)
  }
}

extension DecayedParameters: ParameterChoice {}
