import NeuralNetworks
import Tensor
import Testing

struct RobustEvaluationTests {
  /// A small network that has learnt quadrants, and one that was taught under attack.
  private func trained(adversary: Adversary? = nil) throws -> Network {
    let model = try Model.initialised(
      architecture: Architecture(
        name: "small_cnn", input: ImageShape(channels: 1, height: 8, width: 8), classes: 4, width: 8),
      seed: 1)
    return try Network(
      Trainer(epochs: 2, rate: LearningRate(0.05, StepSchedule()), adversary: adversary).train(
        model, on: Quadrants()
      )
      .model)
  }

  private func accuracy(_ network: Network, _ attacks: [any AttackMethod]) throws -> Double {
    try RobustEvaluation(of: network, on: Quadrants(), attacks: attacks).accuracy
  }

  @Test func strongerAttacksLeaveLess() throws {
    let network = try trained()
    let clean = try Evaluation(of: network, on: Quadrants()).accuracy
    let size: Float = 0.09
    let pgd = try PGD(Attack(epsilon: size, stepSize: size / 4, steps: 20))
    let (ce, dlr) = (
      try APGD(.crossEntropy, epsilon: size, steps: 20),
      try APGD(.differenceOfLogitsRatio, epsilon: size, steps: 20)
    )
    let (byPGD, byCE, byDLR) = try (
      accuracy(network, [pgd]), accuracy(network, [ce]), accuracy(network, [dlr])
    )
    #expect(byPGD < clean - 0.1 && byPGD > 0, "an attack that breaks some and not all")
    #expect(byCE <= byPGD + 1.0 / 90 && byDLR <= byPGD + 2.0 / 90)
    // The worst case over a list is no better than over any part of it, in whatever order.
    let worst = try accuracy(network, [ce, dlr, pgd])
    #expect(worst <= min(byPGD, byCE, byDLR))
    #expect(try accuracy(network, [pgd, dlr, ce]) == worst)
    #expect(try accuracy(network, [APGD(.crossEntropy, epsilon: size, steps: 20, restarts: 3)]) <= byCE)
    #expect(try accuracy(network, [APGD(.crossEntropy, epsilon: 0, steps: 3)]) == clean)
    let scattered = try Attack(epsilon: size, stepSize: size / 4, steps: 20, randomStart: true)
    let once = try accuracy(network, [PGD(scattered)])
    #expect(abs(once - byPGD) < 0.1)
    #expect(try accuracy(network, [PGD(scattered, restarts: 4)]) <= once)
  }

  @Test func anImagesFateIsItsOwn() throws {
    let network = try trained()
    let attacks: [any AttackMethod] = try [
      PGD(Attack(epsilon: 0.03, stepSize: 0.01, steps: 5, randomStart: true), restarts: 2),
      APGD(.crossEntropy, epsilon: 0.05, steps: 6), APGD(.differenceOfLogitsRatio, epsilon: 0.07, steps: 6),
    ]
    let all = try RobustEvaluation(of: network, on: Quadrants(), attacks: attacks)
    #expect(all.labels == (0..<90).map { Int32($0 % 4) } && all.logits.shape == [90, 4])
    let few = try RobustEvaluation(of: network, on: FirstOnes(count: 7), attacks: attacks)
    #expect(few.logits.values == Array(all.logits.values[..<28]))
  }

  @Test func brokenImagesAreShownBrokenAndOthersClean() throws {
    let network = try trained()
    let clean = try Evaluation(of: network, on: Quadrants())
    let attack = try APGD(.crossEntropy, epsilon: 0.08, steps: 10)
    let robust = try RobustEvaluation(of: network, beside: network, on: Quadrants(), attacks: [attack])
    func isRight(_ logits: Tensor, _ row: Int) -> Bool {
      let own = Array(logits.values[(row * 4)..<(row * 4 + 4)])
      return own.firstIndex(of: own.max()!) == row % 4
    }
    var (broken, kept) = (0, 0)
    for row in 0..<90 {
      let range = (row * 4)..<(row * 4 + 4)
      let moved = zip(robust.logits.values[range], clean.logits.values[range]).contains {
        abs($0 - $1) > 1e-4
      }
      #expect(moved == (isRight(clean.logits, row) && !isRight(robust.logits, row)), "image \(row)")
      if moved { broken += 1 } else { kept += 1 }
    }
    #expect(broken > 5 && kept > 5)
    #expect(abs(robust.accuracy - Double((0..<90).count { isRight(robust.logits, $0) }) / 90) < 1e-12)
    expectClose(try #require(robust.referenceLogits).values, robust.logits.values, 1e-5)
  }

  @Test func twoClassesHaveNoRatio() throws {
    let model = try Model.initialised(
      architecture: Architecture(
        name: "small_cnn", input: ImageShape(channels: 1, height: 8, width: 8), classes: 2, width: 8), seed: 1
    )
    var source = Quadrants()
    source.classes = 2
    let error = #expect(throws: NetworkError.self) {
      try RobustEvaluation(
        of: Network(model), on: source, attacks: [APGD(.differenceOfLogitsRatio, epsilon: 0.1, steps: 2)])
    }
    #expect(
      error?.description
        == "apgd_dlr divides by the distance of the largest logit from the third; the network "
        + "tells 2 classes apart; take apgd_ce")
  }
}

/// The first of the quadrants.
private struct FirstOnes: ExampleSource {
  let all = Quadrants()
  let count: Int
  var shape: ImageShape { all.shape }
  var classes: Int? { all.classes }

  func fill(
    _ range: Range<Int>, images: UnsafeMutableBufferPointer<Float>, labels: UnsafeMutableBufferPointer<Int32>
  ) throws { try all.fill(range, images: images, labels: labels) }
}
