// Owns the words for an adversary in pipeline files.

import Canonical
import NeuralNetworks
import Workflow

extension Adversary.Mode: ParameterChoice {}

struct AdversaryParameters: ParameterGroup {
  @Parameter("norm of the ball: linf, or l2 (of a whole image)") var norm = Attack.Norm.linf
  @Parameter("radius of the ball; 8/255 in linf, 128/255 in l2", .atLeast(0), unit: "pixels of [0, 1]")
  var epsilon: Double? = nil
  @Parameter("how far a step moves; 2/255 in linf, 25/255 in l2", .atLeast(0), unit: "pixels of [0, 1]")
  var stepSize: Double? = nil
  @Parameter("steps of the attack", .atLeast(0)) var steps = 10
  @Parameter("start at a random place of the ball; by default with trades only") var randomStart: Bool? = nil
  @Parameter("share of each batch that is attacked; 0.5, with trades 1", .between(0, 1)) var ratio: Double? =
    nil
  @Parameter(
    "what batch norms use while images are attacked: running statistics, or the attacked images' own")
  var mode = Adversary.Mode.evaluation

  /// - Throws: `InvalidParameter` naming the part of `adversary` that doesn't go with the others.
  func adversary(for objective: any TrainingObjective) throws -> Adversary {
    let compares = objective.comparesAttacked
    let epsilon = epsilon ?? defaultEpsilon
    let stepSize = stepSize ?? defaultStepSize
    for (name, value) in [("epsilon", epsilon), ("step_size", stepSize)] where norm == .linf && value > 1 {
      throw InvalidParameter(
        "adversary.\(name)",
        "\(name): expected a number from 0 to 1 in linf, found \(Int(exactly: value).map(String.init) ?? "\(value)")"
      )
    }
    let ratio = ratio ?? (compares ? 1 : 0.5)
    guard ratio > 0 else {
      throw InvalidParameter(
        "adversary.ratio",
        "ratio: a ratio of 0 attacks nothing; leave the adversary out for standard training")
    }
    guard steps > 0 || randomStart ?? compares else {
      throw InvalidParameter(
        "adversary.steps",
        "steps: none from the images themselves attack nothing; leave the adversary out for standard training"
      )
    }
    if compares, randomStart == false {
      throw InvalidParameter(
        "adversary.random_start",
        "random_start: what trades' attack raises has no slope at the images themselves; leave it out, or write true"
      )
    }
    return Adversary(
      attack: try Attack(
        norm: norm, epsilon: Float(epsilon), stepSize: Float(stepSize), steps: steps,
        randomStart: randomStart ?? compares), ratio: ratio, mode: mode)
  }

  /// All parts with their values, as if they had been written.
  func canonical(for objective: any TrainingObjective) -> JSON {
    guard case .object(var parts) = json else { preconditionFailure("BUG: a group's JSON") }
    let compares = objective.comparesAttacked
    parts["epsilon"] = .number(epsilon ?? defaultEpsilon)
    parts["step_size"] = .number(stepSize ?? defaultStepSize)
    parts["random_start"] = .bool(randomStart ?? compares)
    parts["ratio"] = .number(ratio ?? (compares ? 1 : 0.5))
    return .object(parts)
  }

  private var defaultEpsilon: Double { norm == .linf ? 8.0 / 255 : 128.0 / 255 }
  private var defaultStepSize: Double { norm == .linf ? 2.0 / 255 : 25.0 / 255 }
}
