import NeuralNetworks
import Tensor
import Testing

/// Whole networks against PyTorch: logits, every cut, every gradient (a loss on the logits and a term at every
/// cut), running statistics.
struct NetworkReferenceTests {
  @Test(arguments: [
    ("small-cnn-training", "small_cnn", BatchNormStatistics.batchAndUpdate),
    ("resnet8-training", "resnet8", .batchAndUpdate),
    ("resnet8-evaluation", "resnet8", .running),
  ])
  func networksAgreeWithPyTorch(_ file: String, _ name: String, _ statistics: BatchNormStatistics) throws {
    let reference = try Reference(file)
    let model = try self.model(reference, name)
    let network = try Network(model, frozen: false, statistics: statistics)
    let taps = model.architecture.cuts.map { TapPoint.cut($0, segment: 0) }
    let plan = try network.compile(
      batch: 4, taps: taps, gradientPoints: taps + [network.output],
      wants: Wants(input: true, parameters: true))
    try compare(plan, network, reference, taps)
    for (name, gradient) in try reference.all("gradient.") {
      expectClose(plan.gradients(of: 0).tensor(name).values, gradient.values, 3e-5, name)
    }
    for (name, value) in try reference.all("after.") {
      expectClose(network.segments[0].parameters.tensor(name).values, value.values, 1e-5, name)
    }
  }

  @Test(arguments: [true, false])
  func visionTransformersAgreeWithPyTorch(trains: Bool) throws {
    let reference = try Reference("vit-training")
    let model = try Model(
      architecture: Architecture(
        name: "vit_tiny", input: shape, classes: 3,
        parameters: ["patch": .integer(4), "width": .integer(16), "depth": .integer(2), "heads": .integer(2)]),
      tensors: reference.all("model."),
      standardisation: Standardisation(mean: [0.4, 0.5, 0.6], deviation: [0.2, 0.25, 0.3]))
    #expect(model.architecture.cuts.map(\.name) == ["blocks.0", "blocks.1", "pooled"])
    let network = try Network(model, frozen: !trains)
    let taps = model.architecture.cuts.map { TapPoint.cut($0, segment: 0) }
    let plan = try network.compile(
      batch: 4, taps: taps, gradientPoints: taps + [network.output],
      wants: Wants(input: true, parameters: trains))
    try compare(plan, network, reference, taps)
    guard trains else { return }
    for (name, gradient) in try reference.all("gradient.") {
      expectClose(plan.gradients(of: 0).tensor(name).values, gradient.values, 3e-5, name)
    }
  }

  @Test func frozenNetworksWithFoldedBatchNormsAgreeWithPyTorch() throws {
    let reference = try Reference("resnet8-evaluation")
    let network = try Network(model(reference, "resnet8"))
    let taps = try Architecture(name: "resnet8", input: shape, classes: 3).cuts.map {
      TapPoint.cut($0, segment: 0)
    }
    let plan = try network.compile(
      batch: 4, taps: taps, gradientPoints: taps + [network.output], wants: Wants(input: true))
    try compare(plan, network, reference, taps)
  }

  @Test func inferenceWithoutTapsGivesTheSameLogits() throws {
    let reference = try Reference("resnet8-evaluation")
    let network = try Network(model(reference, "resnet8"))
    let plan = try network.compile(batch: 4)
    try plan.forward(reference["images"])
    expectClose(Array(plan.logits), try reference["logits"].values, 1e-5)
  }

  // E: at the width of production, where kernels are blocked and fused, and nothing is tapped.
  @Test func trainingAtWidth16AgreesWithPyTorch() throws {
    let reference = try Reference("resnet8-width16")
    let network = try Network(wideModel(reference), frozen: false, statistics: .batchAndUpdate)
    let plan = try network.compile(batch: 6, wants: Wants(input: true, parameters: true))
    try runWide(plan, reference, "training")
    for (name, gradient) in try reference.all("training.gradient.") {
      expectClose(plan.gradients(of: 0).tensor(name).values, gradient.values, 1e-4, name)
    }
    for (name, value) in try reference.all("training.after.") {
      expectClose(network.segments[0].parameters.tensor(name).values, value.values, 1e-5, name)
    }
  }

  // E
  @Test func frozenNetworksAtWidth16AgreeWithPyTorch() throws {
    let reference = try Reference("resnet8-width16")
    let model = try wideModel(reference)
    let plan = try Network(model).compile(batch: 6, wants: Wants(input: true))
    try runWide(plan, reference, "evaluation")
    #expect(!plan.steps.contains { $0.name.contains("batch norm") })
    let inference = try Network(model).compile(batch: 6)
    try inference.forward(reference["images"])
    expectClose(Array(inference.logits), try reference["evaluation.logits"].values, 1e-5)
  }

  // E
  @Test func frozenNetworksWithTheBatchsStatisticsAgreeWithPyTorch() throws {
    let reference = try Reference("resnet8-width16")
    let network = try Network(wideModel(reference), statistics: .batch)
    let plan = try network.compile(batch: 6, wants: Wants(input: true))
    try runWide(plan, reference, "training")
  }

  private func runWide(_ plan: Plan, _ reference: Reference, _ mode: String) throws {
    try plan.forward(reference["images"])
    expectClose(Array(plan.logits), try reference["\(mode).logits"].values, 1e-5, "logits")
    try reference.labels("labels").withLabels {
      _ = Loss.crossEntropy(plan.logits, labels: $0, gradient: plan.logitsGradient)
    }
    try plan.backward()
    expectClose(Array(plan.inputGradient), try reference["\(mode).dimages"].values, 1e-4, "images")
    #expect(
      !plan.steps.contains { $0.name.contains("convolution") && $0.implementation.hasPrefix("ref") })
  }

  private func wideModel(_ reference: Reference) throws -> Model {
    try model(reference, "resnet8", ImageShape(channels: 3, height: 16, width: 16), classes: 10, width: 16)
  }

  private let shape = ImageShape(channels: 3, height: 8, width: 8)

  private func model(
    _ reference: Reference, _ name: String, _ shape: ImageShape? = nil, classes: Int = 3, width: Int = 4
  ) throws -> Model {
    try Model(
      architecture: Architecture(name: name, input: shape ?? self.shape, classes: classes, width: width),
      tensors: reference.all("model."),
      standardisation: Standardisation(mean: [0.4, 0.5, 0.6], deviation: [0.2, 0.25, 0.3]))
  }

  private func compare(_ plan: Plan, _ network: Network, _ reference: Reference, _ taps: [TapPoint]) throws {
    try plan.forward(reference["images"])
    expectClose(Array(plan.logits), try reference["logits"].values, 1e-5, "logits")
    var gradients: [TapPoint: Tensor] = [:]
    for tap in taps {
      let name = tap.cut!.name
      expectClose(plan.tensor(of: tap).values, try reference["cut.\(name)"].values, 1e-5, name)
      gradients[tap] = try reference["term.\(name)"]
    }
    let shape = try reference["logits"].shape
    gradients[network.output] = try Tensor(shape: shape) { values in
      try reference.labels("labels").withLabels {
        _ = Loss.crossEntropy(plan.logits, labels: $0, gradient: values)
      }
    }
    try plan.backward(gradients)
    expectClose(Array(plan.inputGradient), try reference["dimages"].values, 3e-5, "images")
  }
}
