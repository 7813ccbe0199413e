// R² and ranks of maps: their definitions, written otherwise, and their ends.
import NeuralNetworks
import Stitching
import Tensor
import Testing

@Suite struct ActivationMatchTests {
  private static let draws = Philox(seed: 3, purpose: .tests)
  private static let shapes: [ActivationShape] = [
    .image(ImageShape(channels: 3, height: 2, width: 5)), .tokens(count: 4, width: 6), .vector(7),
  ]

  private static func values(_ stream: Int, _ count: Int) -> [Float] {
    (0..<count).map { Float(draws.stream(stream).normal(at: UInt64($0))) + 3 }
  }

  private func match(
    _ shape: ActivationShape, _ made: [Float], _ own: [Float], groups: [Int]
  ) throws -> ActivationMatch {
    var sums = ActivationMatchSums(shape)
    var image = 0
    for group in groups {
      let range = (image * shape.count)..<((image + group) * shape.count)
      Array(made[range]).withUnsafeBufferPointer { made in
        Array(own[range]).withUnsafeBufferPointer { sums.add(made, $0) }
      }
      image += group
    }
    return try sums.match(at: Cut("conv2"))
  }

  /// The feature that a value of one image belongs to.
  private func feature(_ i: Int, _ shape: ActivationShape) -> Int {
    switch shape {
    case .image(let size): i / (size.height * size.width)
    case .tokens(_, let width): i % width
    case .vector: i
    }
  }

  @Test(arguments: shapes) func rSquaredGoesByEachFeaturesMean(shape: ActivationShape) throws {
    let (images, size) = (9, shape.count)
    let (made, own) = (Self.values(1, images * size), Self.values(2, images * size))
    var means: [Int: [Double]] = [:]
    for i in own.indices { means[feature(i % size, shape), default: []].append(Double(own[i])) }
    var (error, variation) = (0.0, 0.0)
    for i in own.indices {
      let all = means[feature(i % size, shape)]!
      let mean = all.reduce(0, +) / Double(all.count)
      error += (Double(made[i]) - Double(own[i])) * (Double(made[i]) - Double(own[i]))
      variation += (Double(own[i]) - mean) * (Double(own[i]) - mean)
    }
    let found = try match(shape, made, own, groups: [4, 4, 1])
    #expect(try abs(#require(found.r2) - (1 - error / variation)) < 1e-9)
    #expect(try match(shape, own, own, groups: [9]).r2 == 1)
    // A map that gives the means alone explains nothing.
    let constant = own.indices.map { i in
      let all = means[feature(i % size, shape)]!
      return Float(all.reduce(0, +) / Double(all.count))
    }
    #expect(try abs(#require(match(shape, constant, own, groups: [9]).r2)) < 1e-6)
  }

  @Test func whatDoesntVaryHasNoRSquaredAndWhatIsZeroNothing() throws {
    let shape = ActivationShape.image(ImageShape(channels: 2, height: 1, width: 2))
    let own: [Float] = [3, 3, 7, 7, 3, 3, 7, 7]
    let found = try match(shape, [3, 3, 7, 6, 3, 3, 7, 7], own, groups: [2])
    #expect(found.r2 == nil && found.structuralError == 1.0 / 232)
    let zero = [Float](repeating: 0, count: 8)
    #expect(
      throws: StitchingError(
        "the end's activations at 'conv2' are all zero; there is nothing to compare with")
    ) { try match(shape, own, zero, groups: [2]) }
    #expect(
      throws: StitchingError("what the map makes for the end's 'conv2' is not finite everywhere")
    ) { try match(shape, own.map { $0 * .infinity }, own, groups: [2]) }
  }
}

@Suite struct MapRanksTests {
  private func map(_ rows: [[Float]]) throws -> StitchingLayer {
    try StitchingLayer(
      input: .vector(rows[0].count), output: .vector(rows.count),
      weight: Tensor(shape: [rows.count, rows[0].count], values: rows.flatMap { $0 }),
      bias: Tensor(shape: [rows.count], values: rows.map { _ in 5 }))
  }

  @Test func ranksCountTheDirectionsThatAMapUses() throws {
    let identity = try MapRanks(map([[1, 0, 0], [0, 1, 0], [0, 0, 1]]))
    #expect(identity.affine == 3 && abs(identity.effective - 3) < 1e-12)
    // Shares 3/4 and 1/4 of the sum.
    let uneven = try MapRanks(map([[3, 0, 0], [0, -1, 0]]))
    let entropy = -0.75 * Elementary.log(0.75) - 0.25 * Elementary.log(0.25)
    #expect(uneven.affine == 2 && abs(uneven.effective - Elementary.exp(entropy)) < 1e-12)
    let zero = try MapRanks(map([[0, 0], [0, 0]]))
    #expect(zero.affine == 0 && zero.effective == 0)
    // A product of 20 × 2 and 2 × 30, rounded: rounding isn't counted.
    let draws = Philox(seed: 1, purpose: .tests)
    func factor(_ stream: Int, _ i: Int, _ k: Int) -> Double {
      draws.stream(stream).normal(at: UInt64(2 * i + k))
    }
    let low = try MapRanks(
      map(
        (0..<20).map { i in
          (0..<30).map { j in Float((0..<2).reduce(0) { $0 + factor(0, i, $1) * factor(1, j, $1) }) }
        }))
    #expect(low.affine == 2 && low.effective > 1 && low.effective < 2 + 1e-4)
  }
}
