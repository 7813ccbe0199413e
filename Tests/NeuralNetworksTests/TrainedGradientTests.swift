import NeuralNetworks
import Tensor
import Testing

/// A training step's gradients after many steps, over a batch of several tiles, against a reference in Double.
///
/// Two float computations can't be compared closely: where a ReLU's argument is within rounding of 0, one lets the
/// gradient through and the other doesn't, and gradients differ by percents. So the images are such that no argument is
/// that close to 0, and both have the same signs.
struct TrainedGradientTests {
  @Test func gradientsAreRightAfterSixtySteps() throws {
    let (batch, width, classes) = (40, 16, 10)
    let shape = ImageShape(channels: 3, height: 8, width: 8)
    let model = try Model.initialised(
      architecture: Architecture(name: "resnet8", input: shape, classes: classes, width: width), seed: 1)
    let parameters = ParameterSet(model)
    let network = try Network(model, frozen: false, statistics: .batchAndUpdate, parameters: parameters)
    let plan = try network.compile(batch: batch, wants: Wants(parameters: true))
    let optimiser = Optimiser(.sgd(momentum: 0.9, nesterov: true, weightDecay: 1e-4), for: parameters)
    let labels = (0..<batch).map { Int32($0 * 7 % classes) }
    func images(_ seed: UInt64) -> Tensor { noise([batch, 3, 8, 8], seed: seed, scale: 0.5) }
    func differentiate(_ images: Tensor) throws {
      try plan.forward(images)
      labels.withLabels { _ = Loss.crossEntropy(plan.logits, labels: $0, gradient: plan.logitsGradient) }
      try plan.backward()
    }
    for step in 0..<60 {
      try differentiate(images(UInt64(step)))
      optimiser.step(plan.gradients(of: 0), learningRate: 0.05)
    }

    var clear: (reference: DoubleResNet, images: Tensor)?
    for seed in 100..<120 where clear == nil {
      let reference = DoubleResNet(parameters.tensors, width: width, images: images(UInt64(seed)))
      if reference.margin > 4e-6 { clear = (reference, images(UInt64(seed))) }
    }
    var (reference, images) = try #require(clear, "all batches have arguments close to 0")
    let expected = reference.differentiate(labels: labels)
    try differentiate(images)
    let trained = parameters.tensors.keys.filter { !$0.contains("running") }
    #expect(Set(expected.keys) == Set(trained))
    for name in trained {
      let gradient = plan.gradients(of: 0).tensor(name).values
      let length = expected[name]!.reduce(0) { $0 + $1 * $1 }.squareRoot()
      let error = zip(gradient, expected[name]!).reduce(0) {
        $0 + (Double($1.0) - $1.1) * (Double($1.0) - $1.1)
      }
      #expect(error.squareRoot() < 1.5e-5 * length, "\(name): off by \(error.squareRoot() / length)")
    }
  }
}
