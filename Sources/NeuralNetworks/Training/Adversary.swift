// Owns the attacked share of each batch: which images, how, and against which network.

import Tensor

/// Adversarial training: a share of each batch is attacked.
public struct Adversary: Sendable, Hashable {
  /// What batch norms do while images are attacked.
  public enum Mode: String, Sendable, Hashable, CaseIterable {
    /// They use the running statistics.
    case evaluation
    /// They use the statistics of the attacked images, which don't move the running ones.
    case training
  }

  /// How it is attacked.
  public var attack: Attack
  /// The share of each batch that is attacked, in (0, 1].
  public var ratio: Double
  /// What batch norms do meanwhile.
  public var mode: Mode

  /// An adversary of the given strength.
  public init(attack: Attack, ratio: Double = 0.5, mode: Mode = .evaluation) {
    self.attack = attack
    self.ratio = ratio
    self.mode = mode
  }

  /// How many images of a batch are attacked.
  /// - Throws: `NetworkError` where that is none, or the ratio isn't one.
  public func count(ofBatch batch: Int) throws -> Int {
    guard ratio > 0, ratio <= 1 else { throw NetworkError("the adversary's ratio \(ratio) isn't in (0, 1]") }
    let count = Int((ratio * Double(batch)).rounded())
    guard count > 0 else {
      throw NetworkError(
        "a ratio of \(ratio) attacks none of a batch of \(batch) images; raise it to "
          + "\(1 / Double(batch)) for one, or leave the adversary out for standard training")
    }
    return count
  }
}

/// The first images of each batch, which are attacked before the step, over the live parameters.
package final class AttackedShare {
  /// How many.
  package let count: Int
  private let adversary: Adversary
  private let objective: any TrainingObjective
  private let plan: Plan
  private let buffers: ExampleBuffers
  private let cleanLogits: UnsafeMutableBufferPointer<Float>
  private let draws: Philox

  package init(
    _ adversary: Adversary, objective: any TrainingObjective, batch: Int, network: Network, shape: ImageShape,
    seed: UInt64, precision: Precision = .float32
  ) throws {
    count = try adversary.count(ofBatch: batch)
    self.adversary = adversary
    self.objective = objective
    let attacked = adversary.mode == .evaluation ? network.evaluating : network.withBatchStatistics
    plan = try attacked.compile(batch: count, wants: Wants(input: true), precision: precision)
    buffers = ExampleBuffers(batch: count, shape: shape)
    cleanLogits = .allocate(capacity: plan.logits.count)
    cleanLogits.initialize(repeating: 0)
    draws = Philox(seed: seed, purpose: .attackStarts)
  }

  deinit { cleanLogits.deallocate() }

  /// Attacks the first of `images`, in place.
  /// - Parameters:
  ///   - targets: of all images, a probability for each class.
  ///   - step: counted over all epochs.
  package func perturb(
    _ images: UnsafeMutableBufferPointer<Float>, targets: UnsafeBufferPointer<Float>, step: Int
  ) throws {
    let part = UnsafeMutableBufferPointer(rebasing: images[..<plan.input.count])
    let batch = PredictedBatch(
      count: count, logits: plan.logits,
      targets: UnsafeBufferPointer(rebasing: targets[..<plan.logits.count]),
      gradient: plan.logitsGradient)
    if objective.comparesAttacked {
      _ = plan.input.update(fromContentsOf: part)
      try plan.forward()
      _ = cleanLogits.update(fromContentsOf: plan.logits)
    }
    try adversary.attack.perturb(
      plan, images: part, clean: buffers.clean, draws: draws.stream(step)
    ) { objective.writeAttackGradient(batch, clean: UnsafeBufferPointer(cleanLogits)) }
  }
}
