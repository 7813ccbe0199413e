import NeuralNetworks
import Tensor
import Testing

struct ActivationShapeTests {
  private let image = ActivationShape.image(ImageShape(channels: 64, height: 8, width: 4))
  private let tokens = ActivationShape.tokens(count: 65, width: 192)
  private let vector = ActivationShape.vector(512)

  @Test func shapesSayWhatTheirExtentsMean() {
    #expect([image, tokens, vector].map(\.description) == ["64×8×4", "65 tokens × 192", "512"])
    #expect([image, tokens, vector].map(\.extents) == [[64, 8, 4], [65, 192], [512]])
    #expect([image, tokens, vector].map(\.features) == [64, 192, 512])
    #expect([image, tokens, vector].map(\.positions) == [32, 65, 1])
    #expect([image, tokens, vector].map(\.count) == [2048, 65 * 192, 512])
    for shape in [image, tokens, vector] { #expect(ActivationShape(extents: shape.extents) == shape) }
    #expect(ActivationShape(extents: []) == nil && ActivationShape(extents: [1, 2, 3, 4]) == nil)
  }

  @Test func mapsJoinShapesOfOneSort() {
    let small = ActivationShape.image(ImageShape(channels: 3, height: 2, width: 2))
    let wide = ActivationShape.tokens(count: 65, width: 384)
    let fewer = ActivationShape.tokens(count: 17, width: 192)
    for (from, to, fits) in [
      (image, small, true), (tokens, wide, true), (vector, .vector(3), true), (tokens, fewer, false),
      (image, tokens, false), (tokens, vector, false), (vector, image, false),
    ] { #expect(from.canBeMapped(to: to) == fits, "\(from) to \(to)") }
    let error = #expect(throws: NetworkError.self) {
      try StitchingLayer.initialised(input: image, output: tokens, seed: 0)
    }
    #expect(
      error?.description
        == "no stitching layer from 64×8×4 to 65 tokens × 192: a map joins images with images, tokens with as many "
        + "tokens and vectors with vectors")
  }

  @Test func aMapOfTokensMixesTheirWidthNotTheirNumber() throws {
    let map = try StitchingLayer.initialised(
      input: .tokens(count: 5, width: 3), output: .tokens(count: 5, width: 2), seed: 0)
    #expect(map.weight.shape == [2, 3] && map.bias.shape == [2] && !map.resizes)
    let plan = try Network(segments: [.map(map)]).compile(batch: 2)
    let x = noise([2, 5, 3], seed: 1)
    try plan.forward(x)
    let (w, b) = (map.weight.values, map.bias.values)
    var expected: [Float] = []
    for token in 0..<10 {
      for o in 0..<2 {
        var sum: Float = b[o]
        for i in 0..<3 { sum += w[3 * o + i] * x.values[3 * token + i] }
        expected.append(sum)
      }
    }
    expectClose(Array(plan.logits), expected)
  }
}
