import Foundation
import NeuralNetworks
import Tensor
import Testing

/// Images whose class is the brighter quadrant: easy, but not for a constant.
struct Quadrants: BatchSource, ExampleSource {
  let shape = ImageShape(channels: 1, height: 8, width: 8)
  var batch = 20
  var batchesPerEpoch = 10
  var count: Int { 90 }
  var broken = false
  /// One example that is brighter than any picture.
  var bright: (example: Int, factor: Float)?
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
      let factor = bright.flatMap { $0.example == example ? $0.factor : nil } ?? 1
      for i in 0..<64 {
        let inside = i / 32 == label / 2 && i % 8 / 4 == label % 2
        images[n * 64 + i] =
          factor * (0.6 * random.uniform(at: UInt64(example * 64 + i)) + (inside ? 0.3 : 0))
      }
    }
  }
}

struct TrainerTests {
  private func fresh() throws -> Model {
    try .initialised(
      architecture: Architecture(
        name: "small_cnn", input: ImageShape(channels: 1, height: 8, width: 8), classes: 4, width: 8), seed: 1
    )
  }

  @Test func trainingLearnsAndRepeatsBitForBit() throws {
    let trainer = Trainer(epochs: 3, rate: LearningRate(0.05, StepSchedule()))
    var seen: [TrainingProgress] = []
    let (model, history) = try trainer.train(fresh(), on: Quadrants(), progress: { seen.append($0) })
    #expect(seen.count == 30)
    #expect(seen.last?.epoch == 2 && seen.last?.step == 10 && seen.last?.epochs == 3)
    #expect(history.losses.count == 3 && history.losses[2] < 0.5 * history.losses[0], "\(history.losses)")
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
    var trainer = Trainer(epochs: 4, rate: LearningRate(0.05, StepSchedule()))
    let standard = try trainer.train(fresh(), on: Quadrants()).model
    trainer.adversary = Adversary(attack: attack)
    let robust = try trainer.train(fresh(), on: Quadrants()).model
    func accuracy(_ model: Model) throws -> Double {
      try RobustEvaluation(of: Network(model), on: Quadrants(), attacks: [PGD(attack)]).accuracy
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
      try Trainer(epochs: 2, rate: LearningRate(1e30, StepSchedule())).train(fresh(), on: Quadrants())
    }
    #expect(wild?.description.contains("at a learning rate of 1e+30: ") == true)
    #expect(wild?.description.hasSuffix("; a smaller one may help, if the images are sound") == true)
  }

  @Test func theFirstThingThatWentBadIsNamed() throws {
    var source = Quadrants()
    source.broken = true
    func problem(_ model: Model, rate: Double = 0.1) -> String {
      let trainer = Trainer(epochs: 1, rate: LearningRate(rate))
      return #expect(throws: NetworkError.self) { try trainer.train(model, on: source) }?.description ?? ""
    }
    #expect(try problem(fresh()).contains("the loss is nan, and image 0 of the batch has nan at 7; "))
    source.broken = false
    let sound = try fresh()
    for (name, place) in [
      ("conv1.weight", "layer 'conv1'"), ("bn2.weight", "layer 'bn2'"), ("conv3.weight", "layer 'conv3'"),
      ("fc.weight", "layer 'fc'"),
    ] {
      var tensors = sound.tensors
      let values = try #require(tensors[name])
      tensors[name] = Tensor(shape: values.shape, values: values.values.map { $0 < 0 ? -3e38 : 3e38 })
      let model = try Model(
        architecture: sound.architecture, tensors: tensors, standardisation: sound.standardisation)
      let told = problem(model)
      #expect(told.contains("and what \(place) makes is the first that isn't finite; "), "\(told)")
    }
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
        name: "small_cnn", input: ImageShape(channels: 3, height: 8, width: 8), classes: 4), seed: 1)
    let error = #expect(throws: NetworkError.self) { try Trainer(epochs: 1).train(model, on: Quadrants()) }
    #expect(error?.description == "the images are 1×8×8, but small_cnn takes 3×8×8")
  }

  @Test func labelsThatTheModelHasNoClassForAreRefusedBeforeAnyWork() throws {
    // C3, C7: the first was a crash, the second took label 0 for every image.
    var source = Quadrants()
    source.classes = 5
    let beyond = "the images' labels count over 5 classes, but the network tells 4 apart"
    func error(_ body: () throws -> Void) -> String {
      #expect(throws: NetworkError.self, performing: body)?.description ?? ""
    }
    var steps = 0
    #expect(
      error { _ = try Trainer(epochs: 1).train(fresh(), on: source, progress: { _ in steps += 1 }) }
        .hasPrefix(beyond))
    #expect(error { _ = try Evaluation(of: Network(fresh()), on: source) }.hasPrefix(beyond))
    source.classes = nil
    #expect(
      error { _ = try Trainer(epochs: 1).train(fresh(), on: source, progress: { _ in steps += 1 }) }
        == "the images have no labels, which training on the cross-entropy needs")
    #expect(
      error { _ = try Evaluation(of: Network(fresh()), on: source) }
        == "the images have no labels, which an accuracy needs")
    #expect(steps == 0)
    // A source that says 3 and gives 3: still no crash.
    source.classes = 3
    let narrow = try Model.initialised(
      architecture: Architecture(
        name: "small_cnn", input: ImageShape(channels: 1, height: 8, width: 8), classes: 3, width: 8), seed: 1
    )
    let lie = "the images have a label 3, but the network tells 3 classes apart"
    #expect(error { _ = try Trainer(epochs: 1).train(narrow, on: source) } == lie)
    #expect(error { _ = try Evaluation(of: Network(narrow), on: source) } == lie)
  }

  @Test func aShareThatAttacksNoImageIsAnError() throws {
    // C13: it was standard training without a word.
    var trainer = Trainer(epochs: 1)
    trainer.adversary = Adversary(attack: try Attack(epsilon: 0.1, stepSize: 0.1, steps: 1), ratio: 0.02)
    let error = #expect(throws: NetworkError.self) { try trainer.train(fresh(), on: Quadrants()) }
    #expect(
      error?.description
        == "a ratio of 0.02 attacks none of a batch of 20 images; raise it to 0.05 for one, or leave "
        + "the adversary out for standard training")
    trainer.adversary?.ratio = 0.03
    #expect(try trainer.train(fresh(), on: Quadrants()).history.losses.count == 1)
  }
}

struct EvaluationTests {
  private func model(_ side: Int, classes: Int = 4) throws -> Model {
    try .initialised(
      architecture: Architecture(
        name: "small_cnn", input: ImageShape(channels: 1, height: side, width: side), classes: classes,
        width: 8),
      seed: 1)
  }

  @Test(arguments: [16, 32])
  func imagesThatTheNetworkDoesntTakeAreRefused(_ side: Int) throws {
    // C1: a half-filled batch gave numbers, an overfull one ended the process.
    let model = try model(side)
    let expected = "the images are 1×8×8, but small_cnn takes 1×\(side)×\(side)"
    for body in [
      { _ = try Evaluation(of: Network(model), on: Quadrants()) },
      { _ = try Network(model).outputs(on: Quadrants()) },
      { _ = try ActivationCache(Quadrants(), budget: 0).values(of: model, at: .logits) },
      {
        _ = try RobustEvaluation(
          of: Network(model), on: Quadrants(), attacks: [PGD(Attack(epsilon: 0.1, stepSize: 0.1, steps: 1))])
      },
    ] as [() throws -> Void] {
      #expect(#expect(throws: NetworkError.self, performing: body)?.description == expected)
    }
  }

  @Test func anOutputThatIsNoNumberNamesItsImage() throws {
    // C5: it was taken for class 0.
    let sound = try model(8)
    var tensors = sound.tensors
    tensors["fc.weight"] = Tensor(shape: [4, 32], values: tensors["fc.weight"]!.values.map { 1e36 * $0 })
    let model = try Model(
      architecture: sound.architecture, tensors: tensors, standardisation: sound.standardisation)
    #expect(try Evaluation(of: Network(model), on: Quadrants()).accuracy >= 0)
    var source = Quadrants()
    source.bright = (37, 1e6)
    let whole = #expect(throws: NetworkError.self) {
      try Evaluation(of: Network(model), on: source, batch: 16)
    }
    #expect(whole?.description.hasPrefix("small_cnn's output ") == true)
    #expect(whole?.description.contains(" for image 37 is ") == true)
    // Each pixel is finite, the sum of nine isn't.
    source.bright = (37, 3e38)
    tensors["conv1.weight"] = Tensor(shape: [8, 1, 3, 3], values: [Float](repeating: 1, count: 72))
    let summing = try Model(
      architecture: sound.architecture, tensors: tensors, standardisation: sound.standardisation)
    let cached = #expect(throws: NetworkError.self) {
      try ActivationCache(source, budget: 0).values(of: summing, at: .cut(Cut("conv1")))
    }
    #expect(cached?.description.contains("at 'conv1' for image 37 is inf") == true)
  }

  @Test func theEvaluationOfACacheIsThatOfTheNetwork() throws {
    let model = try model(8)
    let whole = try Evaluation(of: Network(model), on: Quadrants(), batch: 32)
    let cached = try Evaluation(of: model, on: ActivationCache(Quadrants(), budget: 1000))
    #expect(cached.accuracy == whole.accuracy && cached.labels == whole.labels)
    #expect(cached.logits == whole.logits)
  }

  @Test func whatIsNoNumberIsNoClass() {
    let logits: [Float] = [.nan, 1, 2, 0, .nan, 1]
    logits.withUnsafeBufferPointer { z in
      #expect(Loss.argMax(z[0..<3]) == nil && Loss.argMax(z[3..<6]) == nil && Loss.argMax(z[1..<4]) == 1)
      [Int32(0), 0].withLabels { #expect(Loss.correct(z, labels: $0) == 0) }
    }
  }
}
