// Owns the confusion matrix: which class is taken for which, and what follows for each class.

import Tensor

/// How often images of each class are told to be of each.
public struct ConfusionMatrix: Sendable, Hashable {
  /// True class × told class.
  public let counts: [[Int]]

  /// Of one class.
  public struct ClassScores: Sendable, Hashable {
    /// Images of the class.
    public let count: Int
    /// Images that are told to be of it.
    public let told: Int
    /// The share of its images that are told right (its recall); nil where it has none.
    public let accuracy: Double?
    /// The share of those told to be of it that are; nil where there are none.
    public let precision: Double?
    /// The harmonic mean of these two; nil where the class has no images and none is told to be of it.
    public let f1: Double?
  }

  /// Counts what an evaluation says.
  public init(_ evaluation: Evaluation) {
    let classes = evaluation.logits.shape[1]
    var counts = [[Int]](repeating: [Int](repeating: 0, count: classes), count: classes)
    evaluation.logits.withUnsafeValues { z in
      for (row, label) in evaluation.labels.enumerated() {
        guard let told = Loss.argMax(z[(row * classes)..<((row + 1) * classes)]) else {
          preconditionFailure("BUG: outputs that aren't finite")
        }
        counts[Int(label)][told] += 1
      }
    }
    self.counts = counts
  }

  /// What follows for each class.
  public var classes: [ClassScores] {
    counts.indices.map { i in
      let (count, told, both) = (counts[i].reduce(0, +), counts.reduce(0) { $0 + $1[i] }, counts[i][i])
      func share(_ part: Int, of whole: Int) -> Double? { whole > 0 ? Double(part) / Double(whole) : nil }
      return ClassScores(
        count: count, told: told, accuracy: share(both, of: count), precision: share(both, of: told),
        f1: share(2 * both, of: count + told))
    }
  }
}
