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

  @Test func mapsJoinShapesWhosePositionsCorrespond() {
    let small = ActivationShape.image(ImageShape(channels: 3, height: 2, width: 2))
    let wide = ActivationShape.tokens(count: 65, width: 384)
    let fewer = ActivationShape.tokens(count: 17, width: 192)
    let uneven = ActivationShape.tokens(count: 16, width: 192)
    for (from, to, made) in [
      (image, small, .image(ImageShape(channels: 64, height: 2, width: 2))), (tokens, wide, tokens),
      (vector, .vector(3), vector), (tokens, fewer, .tokens(count: 17, width: 192)),
      (image, tokens, .tokens(count: 65, width: 64)), (tokens, vector, .vector(192)),
      (tokens, small, .image(ImageShape(channels: 192, height: 2, width: 2))), (image, vector, .vector(64)),
      (uneven, uneven, uneven), (uneven, tokens, nil), (image, uneven, nil), (uneven, image, nil),
      (vector, image, nil), (vector, tokens, nil),
    ] as [(ActivationShape, ActivationShape, ActivationShape?)] {
      #expect(from.atPositions(of: to) == made, "\(from) to \(to)")
      #expect(from.canBeMapped(to: to) == (made != nil))
    }
    let error = #expect(throws: NetworkError.self) {
      try StitchingLayer.initialised(input: vector, output: image, seed: 0)
    }
    #expect(
      error?.description
        == "no stitching layer from 512 to 64×8×4: a map takes images, tokens and vectors to vectors, and images and "
        + "tokens to each other; tokens of another number must be a class token and a square grid; a vector has no "
        + "positions to give")
  }

  /// What arrives at the other shape's positions, by hand.
  @Test func positionsAreTakenAsTheRuleSays() throws {
    func moved(_ from: ActivationShape, _ to: ActivationShape, _ x: Tensor) throws -> [Float] {
      let plan = try Network(segments: [.positions(of: from, at: to)]).compile(batch: 2)
      try plan.forward(x)
      return Array(plan.logits)
    }
    let grid = ActivationShape.image(ImageShape(channels: 3, height: 2, width: 2))
    let five = ActivationShape.tokens(count: 5, width: 3)
    let x = noise([2, 3, 2, 2], seed: 1).values
    // The class token is the mean of the patches, which go row by row.
    let tokens = try moved(grid, five, Tensor(shape: [2, 3, 2, 2], values: x))
    for image in 0..<2 {
      for c in 0..<3 {
        let patches = (0..<4).map { x[(image * 3 + c) * 4 + $0] }
        let column = (0..<5).map { tokens[(image * 5 + $0) * 3 + c] }
        expectClose(column, [patches.reduce(0, +) / 4] + patches)
      }
    }
    // Back again the class token is left out.
    #expect(try moved(five, grid, Tensor(shape: [2, 5, 3], values: tokens)) == x)
    // Vectors: the mean of an image, the class token of tokens.
    let mean = try moved(grid, .vector(7), Tensor(shape: [2, 3, 2, 2], values: x))
    expectClose(mean, (0..<6).map { i in (0..<4).reduce(0) { $0 + x[4 * i + $1] } / 4 })
    let t = noise([2, 5, 3], seed: 2).values
    #expect(
      try moved(five, .vector(7), Tensor(shape: [2, 5, 3], values: t)) == Array(t[0..<3]) + Array(t[15..<18]))
    // Another number of tokens: the grid as an image is resized, the class token as it is.
    let seventeen = ActivationShape.tokens(count: 17, width: 3)
    let larger = ActivationShape.image(ImageShape(channels: 3, height: 4, width: 4))
    let more = try moved(five, seventeen, Tensor(shape: [2, 5, 3], values: t))
    let resized = try moved(
      grid, larger,
      Tensor(shape: [2, 3, 2, 2], values: moved(five, grid, Tensor(shape: [2, 5, 3], values: t))))
    #expect(try moved(seventeen, larger, Tensor(shape: [2, 17, 3], values: more)) == resized)
    #expect((0..<2).allSatisfy { more[($0 * 51)..<($0 * 51 + 3)] == t[($0 * 15)..<($0 * 15 + 3)] })
  }

  @Test func anEnlargingResizeCommutesWithTheMap() throws {
    let small = ActivationShape.image(ImageShape(channels: 5, height: 3, width: 4))
    let large = ActivationShape.image(ImageShape(channels: 7, height: 8, width: 6))
    let map = try StitchingLayer.initialised(input: small, output: large, seed: 3)
    let resized = try #require(small.atPositions(of: large))
    let mixing = try StitchingLayer(input: resized, output: large, weight: map.weight, bias: map.bias)
    let x = noise([2, 5, 3, 4], seed: 4)
    func made(_ segments: [Segment]) throws -> [Float] {
      let plan = try Network(segments: segments).compile(batch: 2)
      try plan.forward(x)
      return Array(plan.logits)
    }
    try expectClose(made([.map(map)]), made([.positions(of: small, at: large), .map(mixing)]))
    #expect(map.movesPositions && !mixing.movesPositions)
  }

  @Test func aMapOfTokensMixesTheirWidthNotTheirNumber() throws {
    let map = try StitchingLayer.initialised(
      input: .tokens(count: 5, width: 3), output: .tokens(count: 5, width: 2), seed: 0)
    #expect(map.weight.shape == [2, 3] && map.bias.shape == [2] && !map.movesPositions)
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
