import NeuralNetworks
import Tensor
import Testing

/// C13, E: a row's bits don't depend on its place in a batch, nor on who else is in it.
struct BatchRowTests {
  @Test(arguments: [("resnet8", 16), ("resnet8", 5), ("small_cnn", 16)], [2, 7, 32, 128])
  func permutedImagesGivePermutedBits(_ network: (name: String, width: Int), batch: Int) throws {
    let model = try Model.initialised(
      architecture: Architecture(
        name: network.name, input: ImageShape(channels: 3, height: 16, width: 16), classes: 10,
        width: network.width), seed: 3)
    let network = try Network(model)
    try check(network, batch, wants: .nothing)
    try check(network, batch, wants: Wants(input: true))
    let unfolded = try Network(model, frozen: false)
    try check(unfolded, batch, wants: Wants(input: true, parameters: true))
  }

  @Test(arguments: [("narrow", 12, 3), ("wide", 48, 3)], [2, 7, 32, 48])
  func permutedImagesGivePermutedBitsOfTransformers(
    _ network: (name: String, width: Int, heads: Int), batch: Int
  ) throws {
    let model = try Model.initialised(
      architecture: Architecture(
        name: "vit_tiny", input: ImageShape(channels: 3, height: 12, width: 16), classes: 10,
        parameters: [
          "width": .integer(network.width), "depth": .integer(2), "heads": .integer(network.heads),
        ]), seed: 3)
    try check(Network(model), batch, wants: .nothing)
    try check(Network(model, frozen: false), batch, wants: Wants(input: true, parameters: true))
  }

  @Test(arguments: [2, 7, 32, 128])
  func permutedActivationsGivePermutedBits(batch: Int) throws {
    let shapes: [(from: [Int], to: [Int])] = [
      ([16, 8, 8], [32, 8, 8]), ([32, 4, 4], [16, 8, 8]), ([5, 3, 3], [7, 3, 3]), ([64], [32]), ([7], [5]),
      ([9, 32], [9, 48]), ([5, 7], [5, 3]),
    ]
    for (input, output) in shapes {
      let map = try StitchingLayer.initialised(
        input: #require(ActivationShape(extents: input)), output: #require(ActivationShape(extents: output)),
        seed: 1)
      try check(Network(segments: [.map(map)]), batch, wants: Wants(input: true, parameters: true))
    }
  }

  private func check(_ network: Network, _ batch: Int, wants: Wants) throws {
    let plan = try network.compile(batch: batch, wants: wants)
    let x = noise([batch] + network.inputShape.extents, seed: 7)
    let dy = noise([batch] + network.outputShape.extents, seed: 8)
    // Every row goes somewhere else.
    let order = (0..<batch).map { ($0 * 5 + 3) % batch }
    func run(_ x: Tensor, _ dy: Tensor) throws -> (values: [Float], gradient: [Float]) {
      try plan.forward(x)
      guard wants.input else { return (Array(plan.logits), []) }
      try plan.backward([network.output: dy])
      return (Array(plan.logits), Array(plan.inputGradient))
    }
    let first = try run(x, dy)
    let second = try run(permuted(x, order), permuted(dy, order))
    #expect(second.values == permuted(first.values, order), "values in a batch of \(batch)")
    #expect(second.gradient == permuted(first.gradient, order), "gradients in a batch of \(batch)")
  }

  private func permuted(_ x: Tensor, _ order: [Int]) -> Tensor {
    Tensor(shape: x.shape, values: permuted(x.values, order))
  }

  private func permuted(_ x: [Float], _ order: [Int]) -> [Float] {
    let size = x.count / order.count
    return order.flatMap { x[($0 * size)..<(($0 + 1) * size)] }
  }
}
