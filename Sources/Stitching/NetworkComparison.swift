// Owns the comparison of two whole networks on the same inputs, attacked or not. What is compared of outputs is in
// Outputs/.
public import NeuralNetworks
import Tensor

/// A network beside a reference on the same inputs.
public struct NetworkComparison: Sendable, Hashable, Codable {
  /// The network's share of right answers; with attacks, under all of them.
  public let accuracy: Double
  /// The reference's, on the same inputs.
  public let referenceAccuracy: Double
  public let agreement: Double
  public let disagreement: Double

  /// Runs both over every example. With attacks, inputs are attacked against `network`, and the reference sees them as
  /// `RobustEvaluation` leaves them.
  public init(
    of network: Network, with reference: Network, on source: some ExampleSource, batch: Int = 128,
    attacks: [any AttackMethod] = [], isCancelled: () -> Bool = { false }
  ) throws {
    if attacks.isEmpty {
      let a = try Evaluation(of: network, on: source, batch: batch, isCancelled: isCancelled)
      let b = try Evaluation(of: reference, on: source, batch: batch, isCancelled: isCancelled)
      try self.init(a.accuracy, a.logits, b.logits, labels: a.labels)
    } else {
      let a = try RobustEvaluation(
        of: network, beside: reference, on: source, attacks: attacks, isCancelled: isCancelled)
      try self.init(a.accuracy, a.logits, a.referenceLogits!, labels: a.labels)
    }
  }

  private init(_ accuracy: Double, _ a: Tensor, _ b: Tensor, labels: [Int32]) throws {
    let outputs = try PairedOutputs(a, b, labels: labels)
    agreement = OutputMeasure.agreement(outputs)!
    disagreement = OutputMeasure.disagreement(outputs)!
    self.accuracy = accuracy
    referenceAccuracy = try Evaluation(logits: b, labels: labels).accuracy
  }
}
