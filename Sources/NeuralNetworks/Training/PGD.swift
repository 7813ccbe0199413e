// Owns PGD as those who evaluate a network ask for it: with restarts, and starts that go by the image.

import Tensor

/// Projected gradient descent on the cross-entropy, every restart judged at its last step (Madry et al. 2018).
public struct PGD: AttackMethod, Hashable {
  /// The steps, and whether they start at random.
  public var attack: Attack
  public var restarts: Int
  /// Decides random starts.
  public var seed: UInt64

  /// An attack.
  /// - Throws: `NetworkError` where restarts would all be the same.
  public init(_ attack: Attack, restarts: Int = 1, seed: UInt64 = 0) throws {
    guard restarts >= 1, restarts == 1 || attack.randomStart else {
      throw NetworkError(
        "pgd without a random start is the same every time; write random_start: true, or restarts: 1")
    }
    self.attack = attack
    self.restarts = restarts
    self.seed = seed
  }

  public func move(_ group: AttackedGroup, through plan: Plan, restart: Int) throws {
    _ = group.clean.update(fromContentsOf: group.images)
    let size = group.images.count / plan.batch
    if attack.randomStart {
      for (row, number) in group.numbers.enumerated() {
        Ball(checked: attack.norm, radius: attack.epsilon).scatter(
          UnsafeMutableBufferPointer(rebasing: group.images[(row * size)..<((row + 1) * size)]),
          by: Philox(seed: seed, purpose: .evaluatedAttackStarts, index: UInt32(truncatingIfNeeded: number)),
          at: UInt64(restart) << 32)
      }
    }
    for _ in 0..<attack.steps {
      _ = plan.input.update(fromContentsOf: group.images)
      try plan.forward()
      _ = Loss.crossEntropy(plan.logits, labels: group.labels, gradient: plan.logitsGradient)
      try plan.backward()
      attack.step(group.images, gradient: plan.inputGradient, clean: group.clean, size: size)
    }
  }
}

extension NamedAttack {
  /// PGD, by default from the image itself.
  public static let pgd = NamedAttack(
    name: "pgd", summary: "steps of one size, from the image itself unless random_start is true",
    citation: "Madry et al., Towards Deep Learning Models Resistant to Adversarial Attacks, ICLR 2018"
  ) { settings in
    try PGD(
      Attack(
        norm: settings.norm, epsilon: settings.epsilon, stepSize: settings.stepSize ?? settings.epsilon / 4,
        steps: settings.steps, randomStart: settings.randomStart ?? false),
      restarts: settings.restarts, seed: settings.seed)
  }
}
