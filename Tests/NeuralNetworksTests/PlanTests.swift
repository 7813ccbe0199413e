import NeuralNetworks
import Tensor
import Testing

struct PlanTests {
  private let shape = ImageShape(channels: 3, height: 16, width: 16)

  private func model(_ name: String = "resnet14", seed: UInt64 = 1) throws -> Model {
    try Model.initialised(
      architecture: Architecture(name: name, input: shape, classes: 10), seed: seed,
      standardisation: Standardisation(mean: [0.4, 0.5, 0.6], deviation: [0.2, 0.25, 0.3]))
  }

  private func train(_ model: Model, steps: Int) throws -> [String: Tensor] {
    let parameters = ParameterSet(model)
    let network = try Network(model, frozen: false, statistics: .batchAndUpdate, parameters: parameters)
    let plan = try network.compile(batch: 8, wants: Wants(parameters: true))
    let optimiser = Optimiser(.sgd(momentum: 0.9, nesterov: true, weightDecay: 1e-4), for: parameters)
    let labels = (0..<8).map { Int32($0) }
    for step in 0..<steps {
      try plan.forward(noise([8, 3, 16, 16], seed: UInt64(step)))
      _ = labels.withLabels {
        Loss.crossEntropy(plan.logits, labels: $0, gradient: plan.logitsGradient)
      }
      try plan.backward()
      optimiser.step(plan.gradients(of: 0), learningRate: 0.1)
    }
    return parameters.tensors
  }

  @Test func trainingTwiceGivesTheSameBits() throws {
    #expect(try train(model(), steps: 3) == train(model(), steps: 3))
  }

  @Test func theRestOfAModelIsTrainedAsInTheWhole() throws {
    let model = try model()
    let cut = Cut("stage2.0")
    let whole = try Network(model, frozen: false, statistics: .batch)
      .compile(batch: 4, taps: [.cut(cut, segment: 0)], wants: Wants(parameters: true))
    try whole.forward(noise([4, 3, 16, 16], seed: 9))
    let tail = try Network(segments: [.model(model, after: cut, frozen: false, statistics: .batch)])
      .compile(batch: 4, wants: Wants(parameters: true))
    try tail.forward(whole.tensor(of: .cut(cut, segment: 0)))
    for plan in [whole, tail] {
      for i in plan.logitsGradient.indices { plan.logitsGradient[i] = Float(i % 7) - 3 }
      try plan.backward()
    }
    for parameter in ["layer3.0.conv1.weight", "layer2.1.bn1.weight", "fc.weight"] {
      let (a, b) = (tail.gradients(of: 0).tensor(parameter), whole.gradients(of: 0).tensor(parameter))
      let scale = b.values.map { abs($0) }.max()!
      #expect(scale > 0 && zip(a.values, b.values).allSatisfy { abs($0 - $1) < 1e-4 * scale }, "\(parameter)")
    }
    // Before the cut there is nothing to learn.
    #expect(tail.gradients(of: 0).tensor("conv1.weight").values.allSatisfy { $0 == 0 })
  }

  // C9: it gave garbage, since a backward pass overwrites what the forward pass kept for it.
  @Test func aSecondBackwardPassNeedsAForwardPassOfItsOwn() throws {
    let network = try Network(model("small_cnn"), frozen: false, statistics: .batch)
    let plan = try network.compile(batch: 2, wants: Wants(input: true, parameters: true))
    let x = noise([2, 3, 16, 16], seed: 4)
    plan.logitsGradient.update(repeating: 1)
    #expect(throws: NetworkError.self) { try plan.backward() }
    try plan.forward(x)
    try plan.backward()
    let first = Array(plan.inputGradient)
    let error = #expect(throws: NetworkError.self) { try plan.backward() }
    #expect(
      error?.description == "backward needs a forward pass of its own before it; it overwrites what that kept"
    )
    try plan.forward(x)
    try plan.backward()
    #expect(Array(plan.inputGradient) == first)
  }

  // C13: buffers of one size and time lay in a hash table's order.
  @Test func memoryIsLaidOutTheSameEveryTime() throws {
    let network = try Network(model(), frozen: false, statistics: .batchAndUpdate)
    let plans = try (0..<3).map { _ in
      try network.compile(batch: 2, wants: Wants(input: true, parameters: true))
    }
    #expect(plans[0].arenaOffsets.count > 50)
    #expect(Set(plans.map(\.arenaOffsets)).count == 1)
  }

  @Test func trainingLowersTheLossOfItsBatch() throws {
    let model = try model("small_cnn")
    let parameters = ParameterSet(model)
    let network = try Network(model, frozen: false, statistics: .batchAndUpdate, parameters: parameters)
    let plan = try network.compile(batch: 16, wants: Wants(parameters: true))
    let optimiser = Optimiser(.adam(), for: parameters)
    let labels = (0..<16).map { Int32($0 % 10) }
    let x = noise([16, 3, 16, 16], seed: 9)
    var losses: [Double] = []
    for _ in 0..<40 {
      try plan.forward(x)
      losses.append(
        labels.withLabels { Loss.crossEntropy(plan.logits, labels: $0, gradient: plan.logitsGradient) })
      try plan.backward()
      optimiser.step(plan.gradients(of: 0), learningRate: 0.01)
    }
    #expect(losses.last! < 0.2 * losses[0])
  }

  @Test func aFoldedPlanSeesWhatAnotherPlanTrains() throws {
    let model = try model("small_cnn")
    let parameters = ParameterSet(model)
    let network = try Network(model, frozen: false, statistics: .batchAndUpdate, parameters: parameters)
    let training = try network.compile(batch: 4, wants: Wants(parameters: true))
    let folded = try network.evaluating.compile(batch: 4)
    let optimiser = Optimiser(.sgd(), for: parameters)
    let x = noise([4, 3, 16, 16], seed: 2)
    try folded.forward(x)
    let before = Array(folded.logits)
    try training.forward(x)
    _ = [Int32(0), 1, 2, 3].withLabels {
      Loss.crossEntropy(training.logits, labels: $0, gradient: training.logitsGradient)
    }
    try training.backward()
    // The running statistics have moved, the parameters not yet.
    try folded.forward(x)
    let between = Array(folded.logits)
    #expect(between != before)
    optimiser.step(training.gradients(of: 0), learningRate: 0.1)
    try folded.forward(x)
    #expect(Array(folded.logits) != between)

    let fresh = try Network(model.updated(from: parameters)).compile(batch: 4)
    try fresh.forward(x)
    #expect(Array(fresh.logits) == Array(folded.logits))
  }

  @Test func aFrontAndItsOwnEndMakeTheWholeModel() throws {
    let model = try model()
    let whole = try Network(model).compile(batch: 3)
    let x = noise([3, 3, 16, 16], seed: 3)
    try whole.forward(x)
    for cut in model.architecture.cuts {
      let front = try Network(segments: [.model(model, through: cut)]).compile(batch: 3)
      let end = try Network(segments: [.model(model, after: cut)]).compile(batch: 3)
      try front.forward(x)
      _ = end.input.update(fromContentsOf: front.logits)
      try end.forward()
      expectClose(Array(end.logits), Array(whole.logits), 1e-5, cut.name)

      let shape = try model.architecture.shape(at: cut)
      let map = try identity(shape)
      let stitched = try Network(segments: [
        .model(model, through: cut), .map(map), .model(model, after: cut),
      ])
      let plan = try stitched.compile(batch: 3, taps: [.output(segment: 1)])
      try plan.forward(x)
      expectClose(Array(plan.logits), Array(whole.logits), 1e-5, cut.name)
      #expect(plan.shape(of: .output(segment: 1)) == [3] + shape.extents)
    }
  }

  private func identity(_ shape: ActivationShape) throws -> StitchingLayer {
    let c = shape.features
    return try StitchingLayer(
      input: shape, output: shape,
      weight: Tensor(shape: [c, c], values: (0..<(c * c)).map { $0 / c == $0 % c ? 1 : 0 }),
      bias: Tensor(zeros: [c]))
  }

  @Test func stitchesOfDifferentSizesFitByTheirGradients() throws {
    let (a, b) = (try model(seed: 1), try model("small_cnn", seed: 2))
    let map = try StitchingLayer.initialised(
      input: .image(ImageShape(channels: 16, height: 16, width: 16)),
      output: .image(ImageShape(channels: 32, height: 4, width: 4)), seed: 5)
    let network = try Network(segments: [
      .model(a, through: Cut("stage1.0")), .map(map), .model(b, after: Cut("conv2")),
    ])
    let taps: [TapPoint] = [.output(segment: 1), .cut(Cut("conv3"), segment: 2)]
    let plan = try network.compile(
      batch: 8, taps: taps, gradientPoints: taps, wants: Wants(parameters: true))
    #expect(plan.trainedSegments == [1])
    let end = try Network(b).compile(
      batch: 8, taps: [.cut(Cut("conv2"), segment: 0), .cut(Cut("conv3"), segment: 0)])
    let x = noise([8, 3, 16, 16], seed: 6)
    try end.forward(x)
    let targets = [Cut("conv2"), Cut("conv3")].map { end.tensor(of: .cut($0, segment: 0)) }
    let optimiser = Optimiser(.adam(), for: network.segments[1].parameters)
    var losses: [Double] = []
    for _ in 0..<60 {
      try plan.forward(x)
      var loss = 0.0
      for (tap, target) in zip(taps, targets) {
        loss += try target.withUnsafeValues {
          try Loss.relativeError(
            plan.value(of: tap), target: $0, gradient: plan.gradient(at: tap), weight: 0.5, layer: "\(tap)")
        }
      }
      losses.append(loss)
      try plan.backward()
      optimiser.step(plan.gradients(of: 1), learningRate: 0.02)
    }
    #expect(losses.last! < 0.75 * losses[0], "from \(losses[0]) to \(losses.last!)")
  }

  @Test func vectorsAreStitchedByLinearMaps() throws {
    let map = try StitchingLayer.initialised(input: .vector(5), output: .vector(3), seed: 1)
    let network = try Network(segments: [.map(map)])
    let plan = try network.compile(batch: 2, wants: Wants(input: true, parameters: true))
    let x = noise([2, 5], seed: 1)
    try plan.forward(x)
    let (w, b) = (map.weight.values, map.bias.values)
    for n in 0..<2 {
      for o in 0..<3 {
        let expected = (0..<5).reduce(b[o]) { $0 + w[o * 5 + $1] * x.values[n * 5 + $1] }
        #expect(abs(plan.logits[n * 3 + o] - expected) < 1e-5)
      }
    }
    #expect(try map.updated(from: network.segments[0].parameters) == map)
  }

  @Test func anImageDoesntInfluenceAnother() throws {
    let plan = try Network(model()).compile(batch: 4)
    var x = noise([4, 3, 16, 16], seed: 8)
    try plan.forward(x)
    let first = Array(plan.logits[..<10])
    x.withUnsafeMutableValues { $0[(3 * 256)...].update(repeating: 0) }
    try plan.forward(x)
    #expect(Array(plan.logits[..<10]) == first)
  }

  @Test func tapsThatDontExistAreErrorsThatListTheCuts() throws {
    let network = try Network(model("small_cnn"))
    let error = #expect(throws: NetworkError.self) {
      try network.compile(batch: 1, taps: [.cut(Cut("stage1.0"), segment: 0)])
    }
    #expect(error?.description.contains("conv1, conv2, conv3, conv4") == true)
    #expect(throws: NetworkError.self) { try network.compile(batch: 1, taps: [.output(segment: 1)]) }
    #expect(throws: NetworkError.self) { try network.compile(batch: 0) }
  }

  @Test func segmentsThatDontFitAreErrors() throws {
    let model = try model("small_cnn")
    let error = #expect(throws: NetworkError.self) {
      try Network(segments: [
        .model(model, through: Cut("conv1")), .model(model, after: Cut("conv2")),
      ])
    }
    #expect(error?.description == "small_cnn makes 16×8×8, but small_cnn behind it takes 32×4×4")
    #expect(throws: NetworkError.self) {
      try Segment.model(model, after: Cut("conv2"), through: Cut("conv1"))
    }
  }
}
