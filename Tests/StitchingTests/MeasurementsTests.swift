import NeuralNetworks
import Stitching
import Tensor
import Testing

@Test(arguments: ["down", "up", "same"])
func agreementAndDisagreementAgreeWithPyTorch(name: String) throws {
  let stitch = try References.stitch(name)
  let images = try References.images()
  let comparison = try NetworkComparison(
    of: stitch.network(References.map(name)), with: Network(stitch.end), on: images, batch: 4)
  #expect(try abs(comparison.agreement - References.value("\(name).agreement")) < 1e-5)
  #expect(try abs(comparison.disagreement - References.value("\(name).disagreement")) < 1e-6)
}

@Test func theStructuralErrorIsThatOfTheDefinition() throws {
  let stitch = try References.stitch("same")
  let images = ImageList(seed: 3, count: 40, batch: 8)
  let zero = try StitchingLayer(
    input: stitch.input, output: stitch.output, weight: Tensor(zeros: [16, 16]), bias: Tensor(zeros: [16]))
  let cache = ActivationCache(images, budget: 1 << 20)
  #expect(try abs(stitch.structuralError(of: zero, on: cache) - 1) < 1e-12)
  let map = try References.map("same")
  let s = try Network(segments: [.model(stitch.front, through: stitch.from), .map(map, frozen: true)])
    .outputs(on: images).values
  let t = try Network(segments: [.model(stitch.end, through: stitch.to)]).outputs(on: images).values
  let difference = zip(s, t).reduce(0.0) { $0 + Double($1.0 - $1.1) * Double($1.0 - $1.1) }
  let reference = t.reduce(0.0) { $0 + Double($1) * Double($1) }
  #expect(
    try abs(stitch.structuralError(of: map, on: cache) - difference / reference) < 1e-5 * difference
      / reference)
}

@Test func attackedInputsAreSharedWithTheReference() throws {
  let images = ImageList(seed: 3, count: 40, batch: 8)
  let architecture = try Architecture(name: "small_cnn", input: images.shape, classes: 3, width: 8)
  func trained(_ seed: UInt64) throws -> Network {
    let start = try Model.initialised(architecture: architecture, seed: seed)
    return try Network(
      Trainer(epochs: 6, rate: LearningRate(0.05, StepSchedule())).train(start, on: images).model)
  }
  let (network, end) = (try trained(0), try trained(1))
  let none = try PGD(Attack(epsilon: 0, stepSize: 0, steps: 3))
  let clean = try NetworkComparison(of: network, with: end, on: images, batch: 16)
  let unmoved = try NetworkComparison(of: network, with: end, on: images, batch: 16, attacks: [none])
  #expect(abs(clean.agreement - unmoved.agreement) < 1e-5 && clean.accuracy == unmoved.accuracy)
  let strong = try PGD(Attack(epsilon: 0.3, stepSize: 0.1, steps: 5))
  let attacked = try NetworkComparison(of: network, with: end, on: images, batch: 16, attacks: [strong])
  #expect(attacked.accuracy < clean.accuracy && abs(attacked.agreement - clean.agreement) > 1e-4)
  #expect(abs(attacked.referenceAccuracy - clean.referenceAccuracy) > 1e-4)
  #expect(attacked.accuracy == (try RobustEvaluation(of: network, on: images, attacks: [strong]).accuracy))
  // Beside itself a network sees the very same images.
  let itself = try NetworkComparison(of: network, with: network, on: images, attacks: [strong])
  #expect(abs(itself.agreement - 1) < 1e-5 && itself.disagreement == 0)
}
