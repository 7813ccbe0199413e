// Owns what a training minimises: what an objective is asked, and the cross-entropy.

/// The loss of a training, and what its adversary raises.
public protocol TrainingObjective: Sendable {
  /// Whether attacked images are shown beside the clean ones, in a pass of their own, instead of in their place.
  var comparesAttacked: Bool { get }

  /// The mean loss of a batch; writes the gradients of all logits.
  /// - Parameters:
  ///   - batch: what the network makes of the batch.
  ///   - attacked: what it makes of the first images attacked, where the objective compares and there is an adversary.
  func loss(_ batch: PredictedBatch, attacked: PredictedBatch?) -> Double

  /// Writes the gradient of what an attack raises.
  /// - Parameters:
  ///   - batch: what the network makes of images on their way.
  ///   - clean: the logits of the same images as they were.
  func writeAttackGradient(_ batch: PredictedBatch, clean: UnsafeBufferPointer<Float>)
}

/// What a network makes of a batch, what it should make of it, and where the loss's gradient goes: all row-major, images ×
/// classes.
public struct PredictedBatch {
  /// How many images.
  public let count: Int
  /// What the network makes of them.
  public let logits: UnsafeBufferPointer<Float>
  /// The probability that each class should have.
  public let targets: UnsafeBufferPointer<Float>
  /// Where the loss's gradient by the logits is written.
  public let gradient: UnsafeMutableBufferPointer<Float>

  /// A batch over the given memory.
  public init(
    count: Int, logits: UnsafeBufferPointer<Float>, targets: UnsafeBufferPointer<Float>,
    gradient: UnsafeMutableBufferPointer<Float>
  ) {
    self.count = count
    self.logits = logits
    self.targets = targets
    self.gradient = gradient
  }
}

/// The cross-entropy, with label smoothing.
public struct CrossEntropy: TrainingObjective, Hashable {
  /// The share of each target that is spread evenly over all classes.
  public var smoothing: Double

  /// The cross-entropy, smoothed where a share is given.
  public init(smoothing: Double = 0) { self.smoothing = smoothing }

  public var comparesAttacked: Bool { false }

  public func loss(_ batch: PredictedBatch, attacked: PredictedBatch?) -> Double {
    Loss.crossEntropy(
      batch.logits, targets: batch.targets, batch: batch.count, smoothing: smoothing, gradient: batch.gradient
    )
  }

  public func writeAttackGradient(_ batch: PredictedBatch, clean: UnsafeBufferPointer<Float>) {
    _ = loss(batch, attacked: nil)
  }
}
