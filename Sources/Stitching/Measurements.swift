// Owns what is measured of stitched networks: how their outputs compare with another network's, and how far the
// map's output is from the end's own activations.
public import NeuralNetworks
public import Tensor

/// How the outputs of two networks on the same inputs compare.
public struct OutputComparison: Sendable, Hashable, Codable {
  /// The mean over inputs of p_a·p_b / max(‖p_a‖², ‖p_b‖²), p = softmax; 1 for the same (arXiv 2505.20142).
  public let agreement: Double
  /// The share of inputs whose largest outputs differ.
  public let disagreement: Double

  /// Compares logits, N × classes each.
  public init(_ a: Tensor, _ b: Tensor) throws {
    guard a.shape == b.shape, a.shape.count == 2, a.shape[0] > 0 else {
      throw StitchingError("logits of shapes \(a.shape) and \(b.shape) can't be compared")
    }
    let (n, classes) = (a.shape[0], a.shape[1])
    var agreement = 0.0
    var differing = 0
    try a.withUnsafeValues { a in
      try b.withUnsafeValues { b in
        for row in 0..<n {
          let range = (row * classes)..<((row + 1) * classes)
          let (p, q) = (softmax(a[range]), softmax(b[range]))
          guard p.allSatisfy(\.isFinite), q.allSatisfy(\.isFinite) else {
            throw StitchingError("the outputs for input \(row) are not finite")
          }
          func dot(_ x: [Double], _ y: [Double]) -> Double { zip(x, y).reduce(0) { $0 + $1.0 * $1.1 } }
          agreement += dot(p, q) / max(dot(p, p), dot(q, q))
          if Loss.argMax(a[range]) != Loss.argMax(b[range]) { differing += 1 }
        }
      }
    }
    self.agreement = agreement / Double(n)
    disagreement = Double(differing) / Double(n)
  }
}

private func softmax(_ z: Slice<UnsafeBufferPointer<Float>>) -> [Double] {
  let largest = Double(z.max()!)
  let powers = z.map { Elementary.exp(Double($0) - largest) }
  let sum = powers.reduce(0, +)
  return powers.map { $0 / sum }
}

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
    let outputs = try OutputComparison(a, b)
    agreement = outputs.agreement
    disagreement = outputs.disagreement
    self.accuracy = accuracy
    referenceAccuracy = try Evaluation(logits: b, labels: labels).accuracy
  }
}
