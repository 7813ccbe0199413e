import NeuralNetworks
import Tensor
import Testing

/// Every layer's gradients against central differences along random directions, of input and parameters.
struct FiniteDifferenceTests {
  @Test(arguments: [
    ([3, 6, 5], Segment.SingleLayer.convolution(outputs: 4, kernel: 3, stride: 1, padding: 1)),
    ([16, 6, 6], .convolution(outputs: 16, kernel: 3, stride: 2, padding: 1)),
    ([3, 9, 8], .convolution(outputs: 4, kernel: 7, stride: 2, padding: 3)),
    ([3, 7, 6], .maxPooling(3, stride: 2, padding: 1)),
    ([6], .linear(outputs: 4)), ([4, 3, 3], .globalAverage), ([3, 2, 2], .flatten),
    ([2, 5, 4], .resize(height: 3, width: 6)), ([2, 6, 6], .relu), ([3, 4, 4], .maxPooling(2)),
    ([16, 4, 4], .residual), ([5, 4, 4], .residual),
    ([5, 6], .tokenLinear(outputs: 4)), ([17, 16], .tokenResidual), ([5, 20], .layerNorm), ([12], .layerNorm),
    ([5, 7], .gelu), ([5, 24], .attention(heads: 2)), ([18, 48], .attention(heads: 1)),
    ([3, 8, 4], .patchEmbedding(patch: 4, width: 6)), ([4, 6], .classTokenAndPositions),
    ([4, 6], .classTokenOnly), ([3, 2, 2], .gridToTokens), ([5, 4], .tokensToGrid), ([17, 3], .fewerTokens),
  ])
  func layersHaveTheGradientsOfTheirValues(_ input: [Int], _ kind: Segment.SingleLayer) throws {
    try check(input, kind, .running)
  }

  @Test(arguments: [BatchNormStatistics.running, .batch])
  func batchNormsHaveTheGradientsOfTheirValues(_ statistics: BatchNormStatistics) throws {
    try check([4, 3, 3], .batchNorm, statistics)
    try check([16, 3, 3], .batchNormAndReLU, statistics)
  }

  private func check(_ input: [Int], _ kind: Segment.SingleLayer, _ statistics: BatchNormStatistics) throws {
    let batch = 3
    let segment = Segment.single(kind, input: input, statistics: statistics) { name, shape in
      let values = noise(shape, seed: 5, scale: 0.5)
      guard name.hasSuffix("running_var") else { return values }
      return Tensor(shape: shape, values: values.values.map { abs($0) + 0.5 })
    }
    let parameters = segment.parameters
    let network = try Network(segments: [segment])
    let plan = try network.compile(
      batch: batch, wants: Wants(input: true, parameters: !parameters.tensors.isEmpty))
    // A seed that keeps the arguments of ReLUs away from their kink.
    let x = noise([batch] + input, seed: 16)
    // The loss is a fixed random combination of the outputs.
    let weights = noise([batch] + network.outputShape.extents, seed: 7)
    func loss(_ x: Tensor) throws -> Double {
      try plan.forward(x)
      return zip(plan.logits, weights.values).reduce(0) { $0 + Double($1.0) * Double($1.1) }
    }
    _ = try loss(x)
    try plan.backward([network.output: weights])

    let h: Float = 1.0 / 8192
    func compare(_ what: String, _ gradient: [Float], _ moved: ([Float]) throws -> Double) throws {
      for seed in 0..<3 {
        let direction = noise([gradient.count], seed: UInt64(100 + seed)).values
        let expected = zip(gradient, direction).reduce(0) { $0 + Double($1.0) * Double($1.1) }
        let slope =
          try (moved(direction.map { $0 * h }) - moved(direction.map { -$0 * h })) / Double(2 * h)
        let scale = gradient.reduce(1.0) { $0 + Double($1 * $1) }.squareRoot()
        #expect(abs(slope - expected) < 0.01 * scale, "\(what) of \(kind): \(slope), not \(expected)")
      }
    }
    let dx = Array(plan.inputGradient)
    let gradients = plan.parameterNames.map { ($0, plan.gradients(of: 0).tensor($0)) }
    try compare("input gradient", dx) { try loss(sum(x, $0)) }
    for (name, gradient) in gradients {
      let value = parameters.tensor(name)
      try compare(name, gradient.values) {
        parameters.set(name, to: sum(value, $0))
        defer { parameters.set(name, to: value) }
        return try loss(x)
      }
    }
  }

  private func sum(_ a: Tensor, _ b: [Float]) -> Tensor {
    Tensor(shape: a.shape, values: zip(a.values, b).map { $0 + $1 })
  }
}

extension Plan {
  /// The trained parameters of the first segment.
  fileprivate var parameterNames: [String] {
    guard !trainedSegments.isEmpty else { return [] }
    return gradients(of: 0).parameters.tensors.keys.filter { !$0.contains("running") }.sorted()
  }
}
