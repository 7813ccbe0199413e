import Foundation
import NeuralNetworks
import Tensor
import Testing

/// Images whose class is the brighter quadrant: easy, but not for a constant.
private struct Quadrants: BatchSource, ExampleSource {
  let shape = ImageShape(channels: 1, height: 8, width: 8)
  var batch = 20
  var batchesPerEpoch = 10
  var count: Int { 90 }
  var broken = false
  var classes: Int? = 4

  func fill(
    epoch: Int, step: Int, images: UnsafeMutableBufferPointer<Float>,
    labels: UnsafeMutableBufferPointer<Int32>
  ) throws {
    let start = (epoch * batchesPerEpoch + step) * batch
    try fill(start..<(start + batch), images: images, labels: labels)
    if broken { images[7] = .nan }
  }

  func fill(
    _ range: Range<Int>, images: UnsafeMutableBufferPointer<Float>,
    labels: UnsafeMutableBufferPointer<Int32>
  ) throws {
    let random = Philox(seed: 7, purpose: .tests)
    for (n, example) in range.enumerated() {
      let label = example % 4
      labels[n] = Int32(label)
      for i in 0..<64 {
        let inside = i / 32 == label / 2 && i % 8 / 4 == label % 2
        images[n * 64 + i] =
          0.6 * random.uniform(at: UInt64(example * 64 + i)) + (inside ? 0.3 : 0)
      }
    }
  }
}

struct TrainerTests {
  private func fresh() throws -> Model {
    try .initialised(
      architecture: Architecture(
        name: "small-cnn", input: ImageShape(channels: 1, height: 8, width: 8), classes: 4, width: 8), seed: 1
    )
  }

  @Test func trainingLearnsAndRepeatsBitForBit() throws {
    let trainer = Trainer(epochs: 3, learningRate: 0.05)
    var seen: [TrainingProgress] = []
    let (model, history) = try trainer.train(fresh(), on: Quadrants(), progress: { seen.append($0) })
    #expect(seen.count == 30)
    #expect(seen.last?.epoch == 2 && seen.last?.step == 10 && seen.last?.epochs == 3)
    #expect(history.losses.count == 3 && history.losses[2] < history.losses[0])
    #expect(seen.last?.loss == history.losses[2])

    let evaluation = try Evaluation(of: Network(model), on: Quadrants(), batch: 32)
    #expect(evaluation.accuracy > 0.9)
    #expect(evaluation.logits.shape == [90, 4])
    #expect(evaluation.labels == (0..<90).map { Int32($0 % 4) })
    // How examples are cut into batches changes nothing.
    let other = try Evaluation(of: Network(model), on: Quadrants(), batch: 90)
    expectClose(other.logits.values, evaluation.logits.values, 1e-6)

    let again = try trainer.train(fresh(), on: Quadrants())
    #expect(again.model.tensors == model.tensors)
    #expect(again.history == history)
  }

  @Test func adversarialTrainingDefends() throws {
    let attack = try Attack(epsilon: 0.12, stepSize: 0.04, steps: 5)
    var trainer = Trainer(epochs: 4, learningRate: 0.05)
    let standard = try trainer.train(fresh(), on: Quadrants()).model
    trainer.adversary = Adversary(attack: attack)
    let robust = try trainer.train(fresh(), on: Quadrants()).model
    func accuracy(_ model: Model) throws -> Double {
      try Evaluation(of: Network(model), on: Quadrants(), attack: attack).accuracy
    }
    let clean = try Evaluation(of: Network(standard), on: Quadrants()).accuracy
    #expect(try accuracy(standard) < clean - 0.2)
    #expect(try accuracy(robust) > accuracy(standard) + 0.1)
  }

  @Test func aRunThatDivergesIsAnErrorWithItsPlace() throws {
    var source = Quadrants()
    source.broken = true
    let error = #expect(throws: NetworkError.self) {
      try Trainer(epochs: 1).train(fresh(), on: source)
    }
    #expect(
      error?.description.hasPrefix("training diverged at epoch 1, step 1, at a learning rate of 0.1: ")
        == true)
    let wild = #expect(throws: NetworkError.self) {
      try Trainer(epochs: 2, learningRate: 1e30).train(fresh(), on: Quadrants())
    }
    #expect(wild?.description.contains("at a learning rate of 1e+30: ") == true)
    #expect(wild?.description.contains("finite; a smaller one may help") == true)
  }

  @Test func trainingStopsWhenAsked() throws {
    var steps = 0
    #expect(throws: CancellationError.self) {
      try Trainer(epochs: 2).train(
        fresh(), on: Quadrants(), progress: { _ in steps += 1 }, isCancelled: { steps == 3 })
    }
    #expect(steps == 3)
  }

  @Test func imagesOfAnotherSizeAreRefused() throws {
    let model = try Model.initialised(
      architecture: Architecture(
        name: "small-cnn", input: ImageShape(channels: 3, height: 8, width: 8), classes: 4), seed: 1)
    let error = #expect(throws: NetworkError.self) { try Trainer(epochs: 1).train(model, on: Quadrants()) }
    #expect(error?.description == "the images are 1×8×8, but small-cnn takes 3×8×8")
  }
}
