// Owns the words for what a training minimises in pipeline files.

import NeuralNetworks
import Workflow

/// `objective: { kind: cross_entropy, smoothing: 0.1 }`, `objective: { kind: trades, beta: 6 }`.
struct ObjectiveChoice: ParameterVariants {
  typealias Words = any ObjectiveWords
  static let variants: [any ParameterVariant.Type] = [CrossEntropyWords.self, TRADESWords.self]
  let variant: any ParameterVariant

  init(_ variant: any ParameterVariant) { self.variant = variant }

  var objective: any TrainingObjective { words.objective }
}

/// Words for one objective.
protocol ObjectiveWords: ParameterVariant {
  var objective: any TrainingObjective { get }
}

struct CrossEntropyWords: ObjectiveWords {
  static let kind = "cross_entropy"
  @Parameter("the share of each label that is spread over all classes", .between(0, 1)) var smoothing = 0.0
  var objective: any TrainingObjective { CrossEntropy(smoothing: smoothing) }
}

struct TRADESWords: ObjectiveWords {
  static let kind = "trades"
  @Parameter("what the divergence of attacked from clean images counts, the paper's 1/λ", .atLeast(0))
  var beta =
    6.0
  @Parameter("the share of each label that is spread over all classes", .between(0, 1)) var smoothing = 0.0
  var objective: any TrainingObjective { TRADES(beta: beta, smoothing: smoothing) }
}
