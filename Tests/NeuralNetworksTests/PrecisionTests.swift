import NeuralNetworks
import Tensor
import Testing

/// What holds of bfloat16 where the processor has it; elsewhere that it is refused.
@Suite(.serialized)
struct PrecisionTests {
  private let shape = ImageShape(channels: 3, height: 16, width: 16)

  private func model(_ name: String) throws -> Model {
    try Model.initialised(
      architecture: Architecture(name: name, input: shape, classes: 10), seed: 1,
      standardisation: Standardisation(mean: [0.4, 0.5, 0.6], deviation: [0.2, 0.25, 0.3]))
  }

  /// Logits and parameter gradients of one pass, and the losses of more steps over the same batch.
  private func run(
    _ name: String, _ precision: Precision, steps: Int = 1, threads: Int = 1
  ) throws -> (logits: [Float], gradient: [Float], losses: [Double]) {
    let before = Team.limit
    defer { Team.limit = before }
    Team.limit = threads
    let model = try model(name)
    let parameters = ParameterSet(model)
    let network = try Network(model, frozen: false, statistics: .batchAndUpdate, parameters: parameters)
    let plan = try network.compile(batch: 32, wants: Wants(parameters: true), precision: precision)
    let optimiser = Optimiser(.adam(), for: parameters)
    let labels = (0..<32).map { Int32($0 % 10) }
    var made: (logits: [Float], gradient: [Float], losses: [Double]) = ([], [], [])
    for step in 0..<steps {
      try plan.forward(noise([32, 3, 16, 16], seed: 9))
      made.losses.append(
        labels.withLabels { Loss.crossEntropy(plan.logits, labels: $0, gradient: plan.logitsGradient) })
      try plan.backward()
      if step == 0 {
        made.logits = Array(plan.logits)
        made.gradient = plan.gradients(of: 0).tensor("fc.weight").values
      }
      optimiser.step(plan.gradients(of: 0), learningRate: 0.003)
    }
    return made
  }

  private func distance(_ a: [Float], _ b: [Float]) -> Double {
    let difference = zip(a, b).reduce(0.0) { $0 + Double(($1.0 - $1.1) * ($1.0 - $1.1)) }
    return (difference / b.reduce(0.0) { $0 + Double($1 * $1) }).squareRoot()
  }

  private var isThere: Bool { (try? Precision.bfloat16.require()) != nil }

  @Test func processorsWithoutItRefuseIt() throws {
    let instructions = try #require(ComputePlatform.facts["instructions"])
    guard !instructions.contains("bf16"), !instructions.contains("amx"), !instructions.contains("fp16") else {
      #expect(isThere)
      return
    }
    let error = #expect(throws: NetworkError.self) {
      try Network(model("small_cnn")).compile(batch: 2, precision: .bfloat16)
    }
    #expect(
      error?.description
        == "this processor (\(instructions)) has no instructions for bfloat16; compute with fp32")
  }

  @Test(arguments: ["small_cnn", "resnet8"])
  func valuesAndGradientsAreThoseOfFloat32ButForItsPrecision(_ name: String) throws {
    guard isThere else { return }
    let (half, single) = (try run(name, .bfloat16), try run(name, .float32))
    // 8 bits a value: relative errors of 2⁻⁹, some of which add up.
    #expect(distance(half.logits, single.logits) < 0.03 && half.logits != single.logits)
    #expect(distance(half.gradient, single.gradient) < 0.06)
  }

  @Test func trainingLowersTheLossAndRepeatsBitForBitOnAnyNumberOfThreads() throws {
    guard isThere else { return }
    let alone = try run("resnet8", .bfloat16, steps: 20)
    #expect(alone.losses.last! < 0.3 * alone.losses[0])
    for threads in [2, 3] {
      let other = try run("resnet8", .bfloat16, steps: 20, threads: threads)
      #expect(other.losses == alone.losses && other.gradient == alone.gradient)
    }
  }

  // Odd numbers of channels are filled up; of pixels, done one by one.
  @Test func channelsThatFillNoBlockAreComputedToo() throws {
    guard isThere else { return }
    let model = try Model.initialised(
      architecture: Architecture(
        name: "resnet8", input: ImageShape(channels: 3, height: 9, width: 11), classes: 3, width: 5), seed: 2)
    let x = noise([3, 3, 9, 11], seed: 4)
    var made: [[Float]] = []
    for precision in Precision.allCases {
      let plan = try Network(model, frozen: false, statistics: .batch).compile(
        batch: 3, wants: Wants(input: true, parameters: true), precision: precision)
      try plan.forward(x)
      plan.logitsGradient.update(repeating: 1)
      try plan.backward()
      made.append(Array(plan.logits))
      #expect(plan.inputGradient.allSatisfy { $0.isFinite })
    }
    #expect(distance(made[1], made[0]) < 0.05)
  }
}
