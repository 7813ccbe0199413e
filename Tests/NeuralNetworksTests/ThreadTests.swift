import NeuralNetworks
import Synchronization
import Tensor
import Testing

/// The number of threads decides no bit. Other suites may compute at the same time and take the threads: whatever
/// number there is must do.
@Suite(.serialized)
struct ThreadTests {
  private let shape = ImageShape(channels: 3, height: 16, width: 16)

  /// Weights, statistics and losses after a few steps; `between` is called before each pass.
  private func train(_ name: String, _ threads: Int, between: (Int) -> Void = { _ in }) throws -> [String:
    Tensor]
  {
    let before = Team.limit
    defer { Team.limit = before }
    Team.limit = threads
    let model = try Model.initialised(
      architecture: Architecture(
        name: name, input: shape, classes: 10,
        // A smaller one computes the same way.
        parameters: name == "vit_tiny" ? ["width": .integer(24), "depth": .integer(2)] : [:]), seed: 3,
      standardisation: Standardisation(mean: [0.4, 0.5, 0.6], deviation: [0.2, 0.25, 0.3]))
    let parameters = ParameterSet(model)
    let network = try Network(model, frozen: false, statistics: .batchAndUpdate, parameters: parameters)
    // Five tiles.
    let plan = try network.compile(batch: 60, wants: Wants(input: true, parameters: true))
    let optimiser = Optimiser(.sgd(momentum: 0.9, nesterov: true, weightDecay: 1e-4), for: parameters)
    let labels = (0..<60).map { Int32($0 % 10) }
    var losses: [Float] = []
    for step in 0..<3 {
      between(2 * step)
      try plan.forward(noise([60, 3, 16, 16], seed: UInt64(step)))
      losses.append(
        Float(
          labels.withLabels { Loss.crossEntropy(plan.logits, labels: $0, gradient: plan.logitsGradient) }))
      between(2 * step + 1)
      try plan.backward()
      optimiser.step(plan.gradients(of: 0), learningRate: 0.1)
    }
    var made = parameters.tensors
    made["losses"] = Tensor(shape: [3], values: losses)
    made["input gradient"] = Tensor(shape: plan.inputShape, values: plan.inputGradient)
    return made
  }

  @Test(arguments: ["small_cnn", "resnet8", "vit_tiny"])
  func anyNumberOfThreadsGivesTheSameBits(_ name: String) throws {
    let alone = try train(name, 1)
    for threads in [2, 3, 7] { #expect(try train(name, threads) == alone, "\(threads) threads") }
  }

  @Test func threadsThatComeAndGoGiveTheSameBits() throws {
    let alone = try train("resnet8", 1)
    let stop = Atomic(false)
    let churn = Task.detached {
      var draw: UInt64 = 1
      while !stop.load(ordering: .relaxed) {
        draw = draw &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        Team.limit = Int(draw >> 60) % 7 + 1
        await Task.yield()
      }
    }
    defer {
      stop.store(true, ordering: .relaxed)
      churn.cancel()
    }
    #expect(try train("resnet8", 4, between: { Team.limit = $0 % 4 + 1 }) == alone)
  }

  // The number of images is what it is; only how they lie together follows from the tiles.
  @Test(arguments: [1, 7, 16, 17, 31, 37, 48, 60, 100, 128, 131])
  func batchesOfAnySizeAreWhole(_ batch: Int) throws {
    let model = try Model.initialised(
      architecture: Architecture(name: "small_cnn", input: shape, classes: 4, width: 2), seed: 1)
    let plan = try Network(model).compile(batch: batch, taps: [.cut(Cut("conv2"), segment: 0)])
    let one = try Network(model).compile(batch: 1, taps: [.cut(Cut("conv2"), segment: 0)])
    let x = noise([batch, 3, 16, 16], seed: 5)
    try plan.forward(x)
    #expect(plan.shape(of: .cut(Cut("conv2"), segment: 0))[0] == batch && plan.outputShape == [batch, 4])
    for image in Set([0, batch / 2, batch - 1]) {
      try one.forward(
        Tensor(shape: [1, 3, 16, 16], values: Array(x.values[(image * 768)..<(image * 768 + 768)])))
      expectClose(Array(plan.logits[(4 * image)..<(4 * image + 4)]), Array(one.logits), 1e-6)
    }
  }

  @Test func aProfileTellsWhatEachStepComputes() throws {
    let model = try Model.initialised(
      architecture: Architecture(name: "resnet8", input: shape, classes: 10), seed: 1)
    let network = try Network(model, frozen: false, statistics: .batchAndUpdate)
    let plan = try network.compile(batch: 32, wants: Wants(parameters: true))
    let steps = try plan.profile(passes: 2)
    #expect(steps.allSatisfy { $0.seconds.isFinite && $0.seconds >= 0 && $0.bytes > 0 })
    // 3×3 on 16×16 pixels from 16 to 16 channels, for 32 images, and as much for each gradient.
    let convolutions = steps.filter { $0.name.hasSuffix("convolution layer1.0.conv1") && $0.operations > 0 }
    #expect(convolutions.map(\.phase) == [.forward, .backward, .backward])
    #expect(convolutions.allSatisfy { $0.operations == 2 * 32 * 16 * 16 * 16 * 16 * 9 })
    #expect(Set(steps.map(\.phase)) == [.preparation, .forward, .backward])
    #expect(steps.contains { $0.name == "batch norm bn1" && $0.implementation == "own loop" })
  }
}
