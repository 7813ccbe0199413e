import NeuralNetworks
import Stitching
import Tensor
import Testing

private let images = ImageList(seed: 5, count: 48, batch: 16)

private func model(_ seed: UInt64) throws -> Model {
  let architecture = try Architecture(
    name: "resnet8", input: images.shape, classes: 3, parameters: ["width": .integer(4)])
  let start = try Model.initialised(architecture: architecture, seed: seed)
  return try Trainer(epochs: 2, rate: LearningRate(0.05)).train(start, on: images).model
}

private func stitch() throws -> Stitch {
  let (front, end) = (try model(0), try model(1))
  return try Stitch(front: front, from: front.architecture.cuts[1], end: end, to: end.architecture.cuts[2])
}

private func options(_ method: FitMethod, epochs: Int = 2, rate: Double = 1e-3) -> FitOptions {
  var options = method.options
  options.epochs = epochs
  options.learningRate = rate
  options.initialisation = .random
  options.schedule = ConstantSchedule()
  return options
}

/// The names of running statistics in the part of a model behind one cut and up to another.
private func statistics(_ model: Model, after: Cut? = nil, through: Cut? = nil) throws -> [String: Tensor] {
  let parameters = ParameterSet(model)
  let network = try Network(segments: [
    .model(model, after: after, through: through, statistics: .batchAndUpdate, parameters: parameters)
  ])
  let plan = try network.compile(batch: 2)
  plan.input.update(repeating: 0.3)
  try plan.forward()
  return model.driftedStatistics(in: parameters)
}

@Test(arguments: [FitMethod.hint, .fula, .softLabel, .taskLoss])
func anAttackThatMovesNothingIsAFitOnTheImages(method: FitMethod) throws {
  let stitch = try stitch()
  let plain = try stitch.fit(on: images, options: options(method))
  var attacked = options(method)
  attacked.adversary = Adversary(attack: try Attack(epsilon: 0, stepSize: 0, steps: 2), ratio: 1)
  let still = try stitch.fit(on: images, options: attacked)
  for (a, b) in zip(still.facts.losses, plain.facts.losses) { #expect(abs(a - b) < 1e-4 * b) }
  #expect(close(still.map.weight, plain.map.weight, 1e-2) && still.statistics == nil)
}

@Test(arguments: [Adversary.Mode.evaluation, .training])
func attackedImagesAreHarderAndTheAttackFollowsTheMap(mode: Adversary.Mode) throws {
  let stitch = try stitch()
  func losses(_ ratio: Double?) throws -> FittedStitch {
    var options = options(.taskLoss, epochs: 1, rate: 1e-9)
    options.adversary = try ratio.map {
      Adversary(attack: try Attack(epsilon: 0.1, stepSize: 0.04, steps: 5), ratio: $0, mode: mode)
    }
    return try stitch.fit(on: images, options: options)
  }
  let (clean, half, all) = (try losses(nil), try losses(0.5), try losses(1))
  if mode == .evaluation {
    #expect(half.facts.losses[0] > clean.facts.losses[0] && all.facts.losses[0] > half.facts.losses[0])
  }
  #expect(Set([clean, half, all].map(\.facts.losses)).count == 3)
  #expect(try losses(1).facts == all.facts)
}

@Test func theBatchsStatisticsAreThoseOfTheBatch() throws {
  let stitch = try stitch()
  var one = options(.hint, epochs: 1, rate: 1e-12)
  one.initialisation = .identity
  one.statistics = .batch
  let fitted = try stitch.fit(on: images, options: one)
  // The first batch by hand: the front with its statistics, the map, the end with running ones.
  let labels = UnsafeMutableBufferPointer<Int32>.allocate(capacity: images.batch)
  defer { labels.deallocate() }
  var expected = 0.0
  for step in 0..<images.batchesPerEpoch {
    func made(_ segments: [Segment]) throws -> [Float] {
      let plan = try Network(segments: segments).compile(batch: images.batch)
      try images.fill(
        epoch: 0, step: step, images: plan.input,
        labels: labels)
      try plan.forward()
      return Array(plan.logits)
    }
    let s = try made([
      .model(stitch.front, through: stitch.from, statistics: .batch), .map(fitted.map, frozen: true),
    ])
    let t = try made([.model(stitch.end, through: stitch.to)])
    let (difference, reference) = zip(s, t).reduce((0.0, 0.0)) { sums, pair in
      let (a, b) = (Double(pair.0), Double(pair.1))
      return (sums.0 + (a - b) * (a - b), sums.1 + b * b)
    }
    expected += (difference / reference).squareRoot() / Double(images.batchesPerEpoch)
  }
  #expect(abs(fitted.facts.losses[0] - expected) < 1e-4 * expected)
  #expect(fitted.statistics == nil)
  one.statistics = .running
  #expect(try abs(stitch.fit(on: images, options: one).facts.losses[0] - expected) > 1e-3 * expected)
}

@Test func statisticsThatDriftBelongToTheFit() throws {
  let stitch = try stitch()
  var drifting = options(.fula)
  drifting.statistics = .batchAndUpdate
  let fitted = try stitch.fit(on: images, options: drifting)
  let drifted = try #require(fitted.statistics)
  #expect(try Set(drifted.front.keys) == Set(statistics(stitch.front, through: stitch.from).keys))
  #expect(try Set(drifted.end.keys) == Set(statistics(stitch.end, after: stitch.to).keys))
  #expect(drifted.front.count >= 2 && drifted.end.count >= 2)
  // The front's, by hand: it sees the same batches whatever the map does.
  let parameters = ParameterSet(stitch.front)
  let plan = try Network(segments: [
    .model(stitch.front, through: stitch.from, statistics: .batchAndUpdate, parameters: parameters)
  ]).compile(batch: images.batch)
  let labels = UnsafeMutableBufferPointer<Int32>.allocate(capacity: images.batch)
  defer { labels.deallocate() }
  for epoch in 0..<2 {
    for step in 0..<images.batchesPerEpoch {
      try images.fill(epoch: epoch, step: step, images: plan.input, labels: labels)
      try plan.forward()
    }
  }
  for (name, tensor) in stitch.front.driftedStatistics(in: parameters) {
    #expect(try close(#require(drifted.front[name]), tensor, 1e-5), "\(name)")
  }
  // The least squares before, and the end that is compared with, know nothing of it.
  drifting.initialisation = .leastSquares
  let first = try stitch.fit(on: images, options: drifting).facts
  let direct = try stitch.fit(on: images, options: FitMethod.direct.options).facts
  #expect(first.leastSquaresError == direct.leastSquaresError)
}

@Test func attacksNeedLabels() throws {
  var unlabelled = images
  unlabelled.classes = nil
  var attacked = options(.hint)
  attacked.adversary = Adversary(attack: try Attack(epsilon: 0.1, stepSize: 0.1, steps: 1))
  let error = #expect(throws: (any Error).self) { try stitch().fit(on: unlabelled, options: attacked) }
  #expect("\(error!)" == "the images have no labels, which the attack needs")
}
