import NeuralNetworks
import Tensor
import Testing

/// A network of each family against PyTorch: logits and cuts with running statistics, frozen and not; one training
/// step's loss, gradients and running statistics.
struct ModelReferenceTests {
  struct Network: Sendable, CustomTestStringConvertible {
    let file: String
    let name: String
    let size: Int
    let parameters: [String: ArchitectureValue]
    var testDescription: String { file }
  }

  static let networks = [
    Network(file: "mlp", name: "mlp", size: 8, parameters: ["width": .integer(16), "depth": .integer(2)]),
    Network(file: "small-cnn", name: "small_cnn", size: 8, parameters: ["width": .integer(4)]),
    Network(file: "resnet20", name: "resnet20", size: 8, parameters: ["width": .integer(3)]),
    Network(file: "resnet18", name: "resnet18", size: 16, parameters: ["width": .integer(2)]),
    Network(file: "resnet34", name: "resnet34", size: 16, parameters: ["width": .integer(2)]),
    Network(
      file: "resnet18-imagenet-stem", name: "resnet18", size: 32,
      parameters: ["width": .integer(2), "stem": .word("imagenet")]),
    Network(file: "vgg11", name: "vgg11_bn", size: 32, parameters: ["width": .integer(2)]),
    Network(
      file: "vit", name: "vit_tiny", size: 16,
      parameters: ["width": .integer(8), "depth": .integer(2), "heads": .integer(2)]),
    Network(file: "vgg16", name: "vgg16_bn", size: 32, parameters: ["width": .integer(2)]),
  ]

  private func opened(_ network: Network) throws -> (model: Model, reference: Reference) {
    let reference = try Reference("model-\(network.file)")
    let shape = ImageShape(channels: 3, height: network.size, width: network.size)
    let model = try Model(
      architecture: Architecture(
        name: network.name, input: shape, classes: 5, parameters: network.parameters),
      tensors: reference.all("model."),
      standardisation: Standardisation(mean: [0.4, 0.5, 0.6], deviation: [0.2, 0.25, 0.3]))
    return (model, reference)
  }

  @Test(arguments: networks, [true, false])
  func evaluationAgreesWithPyTorch(_ network: Network, frozen: Bool) throws {
    let (model, reference) = try opened(network)
    let images = try reference["images"]
    let whole = try NeuralNetworks.Network(model, frozen: frozen)
    let taps = model.architecture.cuts.map { TapPoint.cut($0, segment: 0) }
    let plan = try whole.compile(batch: images.shape[0], taps: taps, wants: Wants(input: true))
    try plan.forward(images)
    expectClose(Array(plan.logits), try reference["evaluation.logits"].values, 1e-4, "logits")
    let cuts = try reference.all("cut.")
    #expect(Set(cuts.keys) == Set(model.architecture.cuts.map(\.name)))
    for tap in taps {
      let shape = try model.architecture.shape(at: tap.cut!)
      let values = plan.tensor(of: tap)
      #expect(values.shape == [images.shape[0]] + shape.extents)
      expectClose(means(values.values, over: shape), try #require(cuts[tap.cut!.name]).values, 1e-4, "\(tap)")
    }
    let labels = try reference.labels("labels")
    let gradient = try Tensor(shape: reference["evaluation.logits"].shape) { values in
      labels.withLabels { _ = Loss.crossEntropy(plan.logits, labels: $0, gradient: values) }
    }
    try plan.backward([whole.output: gradient])
    expectClose(Array(plan.inputGradient), try reference["evaluation.dimages"].values, 2e-4, "images")
  }

  @Test(arguments: networks)
  func aTrainingStepAgreesWithPyTorch(_ network: Network) throws {
    let (model, reference) = try opened(network)
    let images = try reference["images"]
    let whole = try NeuralNetworks.Network(model, frozen: false, statistics: .batchAndUpdate)
    let plan = try whole.compile(batch: images.shape[0], wants: Wants(parameters: true))
    try plan.forward(images)
    expectClose(Array(plan.logits), try reference["training.logits"].values, 1e-4, "logits")
    let loss = try reference.labels("labels").withLabels {
      Loss.crossEntropy(plan.logits, labels: $0, gradient: plan.logitsGradient)
    }
    expectClose([Float(loss)], try reference["training.loss"].values, 1e-5, "loss")
    try plan.backward()
    let gradients = try reference.all("gradient.")
    #expect(
      Set(gradients.keys)
        == Set(model.tensors.keys.filter { !$0.contains("running_") }))
    // Behind a batch norm a bias has a gradient of 0, of which rounding leaves something.
    let largest = gradients.values.flatMap { $0.values.map { abs($0) } }.max()!
    for (name, gradient) in gradients {
      let found = plan.gradients(of: 0).tensor(name).values
      if gradient.values.allSatisfy({ abs($0) < 1e-9 * largest }) {
        #expect(found.allSatisfy { abs($0) < 1e-5 * largest }, "\(name)")
      } else {
        expectClose(found, gradient.values, 5e-4, name)
      }
    }
    for (name, value) in try reference.all("after.") {
      expectClose(whole.segments[0].parameters.tensor(name).values, value.values, 1e-4, name)
    }
  }

  /// One value for each example and channel of images; tokens and vectors as they are.
  private func means(_ values: [Float], over shape: ActivationShape) -> [Float] {
    guard case .image = shape else { return values }
    return stride(from: 0, to: values.count, by: shape.positions).map { start in
      let sum = values[start..<(start + shape.positions)].reduce(0.0) { $0 + Double($1) }
      return Float(sum / Double(shape.positions))
    }
  }
}
