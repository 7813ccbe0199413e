import NeuralNetworks
import Tensor
import Testing

struct AttackTests {
  @Test func oneStepAgreesWithPyTorch() throws {
    let reference = try Reference("attack")
    var x = try reference["x"]
    var clean = try reference["clean"]
    let gradient = try reference["gradient"]
    let attack = try Attack(epsilon: 8.0 / 255, stepSize: 2.0 / 255, steps: 1)
    x.withUnsafeMutableValues { x in
      gradient.withUnsafeValues { gradient in
        clean.withUnsafeMutableValues {
          attack.step(x, gradient: gradient, clean: $0, size: x.count)
        }
      }
    }
    expectClose(x.values, try reference["y"].values, 1e-7)
  }

  @Test func anAttackRaisesTheLossWithinItsBall() throws {
    let shape = ImageShape(channels: 3, height: 8, width: 8)
    let model = try Model.initialised(
      architecture: Architecture(name: "small_cnn", input: shape, classes: 4, width: 8), seed: 3)
    let network = try Network(model)
    let plan = try network.compile(batch: 5, wants: Wants(input: true))
    let start = noise([5, 3, 8, 8], seed: 4).values.map { min(max(0.5 + 0.3 * $0, 0), 1) }
    let images = UnsafeMutableBufferPointer<Float>.allocate(capacity: start.count)
    let clean = UnsafeMutableBufferPointer<Float>.allocate(capacity: start.count)
    defer {
      images.deallocate()
      clean.deallocate()
    }
    _ = images.initialize(from: start)
    _ = clean.initialize(from: start)
    let labels: [Int32] = [0, 1, 2, 3, 0]
    func loss() throws -> Double {
      _ = plan.input.update(fromContentsOf: images)
      try plan.forward()
      return labels.withLabels { Loss.crossEntropy(plan.logits, labels: $0) }
    }
    let before = try loss()
    let attack = try Attack(epsilon: 8.0 / 255, stepSize: 2.0 / 255, steps: 10)
    try labels.withLabels { try attack.perturb(plan, images: images, labels: $0, clean: clean) }
    #expect(try loss() > before + 0.01)
    #expect(Array(clean) == start)
    #expect(zip(images, start).allSatisfy { abs($0 - $1) <= 8.0 / 255 + 1e-6 })
    #expect(images.allSatisfy { $0 >= 0 && $0 <= 1 })
  }

  @Test func anAttackThatIsNoneIsRefused() {
    #expect(throws: NetworkError.self) { try Attack(epsilon: -1, stepSize: 0.1, steps: 1) }
    #expect(throws: NetworkError.self) { try Attack(epsilon: 8, stepSize: 0.1, steps: 1) }
  }
}
