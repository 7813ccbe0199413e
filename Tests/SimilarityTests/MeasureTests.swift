import Similarity
import Tensor
import Testing

/// NumPy's legacy generator, `numpy.random.seed` and `uniform` (MT19937, Matsumoto & Nishimura 1998), so that
/// reference values need no stored inputs.
private struct MersenneTwister {
  private var state = [UInt32](repeating: 0, count: 624)
  private var index = 624

  init(seed: UInt32) {
    state[0] = seed
    for i in 1..<624 { state[i] = 1_812_433_253 &* (state[i - 1] ^ state[i - 1] >> 30) &+ UInt32(i) }
  }

  private mutating func word() -> UInt32 {
    if index == 624 {
      for i in 0..<624 {
        let y = state[i] & 0x8000_0000 | state[(i + 1) % 624] & 0x7fff_ffff
        state[i] = state[(i + 397) % 624] ^ y >> 1 ^ (y & 1 == 0 ? 0 : 0x9908_b0df)
      }
      index = 0
    }
    var y = state[index]
    index += 1
    y ^= y >> 11
    y ^= y << 7 & 0x9d2c_5680
    y ^= y << 15 & 0xefc6_0000
    return y ^ y >> 18
  }

  mutating func uniform(_ rows: Int, _ columns: Int) -> Tensor {
    Tensor(
      shape: [rows, columns],
      values: (0..<(rows * columns)).map { _ in
        let (a, b) = (word() >> 5, word() >> 6)
        return Float((Double(a) * 67_108_864 + Double(b)) / 9_007_199_254_740_992)
      })
  }
}

private func inputs(_ seed: UInt32, _ n: Int, _ p: Int, _ q: Int) throws -> (Representation, Representation) {
  var random = MersenneTwister(seed: seed)
  return (
    try Representation(random.uniform(n, p), name: "x"), try Representation(random.uniform(n, q), name: "y")
  )
}

private func measure(_ name: String) throws -> Measure {
  try #require(Measure.all.first { $0.name == name }, "\(name)")
}

/// The value; nil: the measure isn't defined for these, and says so.
private func value(
  _ measure: Measure, _ x: Representation, _ y: Representation, _ settings: [String: MeasureSetting] = [:]
) throws -> Double? {
  do { return try measure(x, y, with: settings) } catch is SimilarityError { return nil }
}

@Suite struct MeasureTests {
  @Test(arguments: referenceValues.indices) func aMeasureAgreesWithNumPy(_ row: Int) throws {
    let reference = referenceValues[row]
    let measure = try measure(reference.measure)
    for (shape, expected) in zip(referenceCases, reference.values) {
      let (x, y) = try inputs(shape.seed, shape.n, shape.p, shape.q)
      if shape.seed == 0 { #expect(Array(x.tensor.values.prefix(3)) == [0.5488135, 0.71518934, 0.60276335]) }
      let found = try value(measure, x, y, reference.settings)
      let what: Comment = "\(measure.name) \(reference.settings) of \(shape): \(String(describing: found))"
      guard let expected else {
        #expect(found == nil, what)
        continue
      }
      let number = try #require(found, what)
      #expect(abs(number - expected) < 1e-7 * max(1, abs(expected)), what)
      #expect(measure.range.contains(number), what)
      // Shared or not, a value has one way of being computed.
      let shelf = Shelf()
      let pair = try Comparison(Prepared(x, on: shelf), Prepared(y, on: shelf))
      for other in Measure.all { _ = try? other(pair) }
      #expect(try measure(pair, with: reference.settings) == number, what)
    }
  }

  @Test func everyMeasureHasReferenceValues() throws {
    #expect(Set(referenceValues.map(\.measure)) == Set(Measure.all.map(\.name)))
    #expect(Measure.all.count == Set(Measure.all.map(\.name)).count)
    for row in referenceValues { #expect(row.values.contains { $0 != nil }, "\(row.measure)") }
    // Every parameter is told apart by at least one value.
    for measure in Measure.all {
      let told = referenceValues.filter { $0.measure == measure.name }.flatMap(\.settings.keys)
      #expect(Set(told) == Set(measure.parameters.map(\.name)), "\(measure.name)")
    }
  }

  @Test(arguments: Measure.all.map(\.name)) func aMeasureIsSymmetricWhereItSaysSo(_ name: String) throws {
    let measure = try measure(name)
    var differs = false
    for shape in referenceCases {
      let (x, y) = try inputs(shape.seed, shape.n, shape.p, shape.q)
      guard let there = try value(measure, x, y), let back = try value(measure, y, x) else { continue }
      if abs(there - back) > 1e-7 * max(1, abs(there)) { differs = true }
    }
    #expect(differs == !measure.isSymmetric)
  }

  @Test(arguments: Measure.all.map(\.name)) func aRepresentationIsItself(_ name: String) throws {
    let measure = try measure(name)
    for shape in referenceCases {
      let (x, y) = try inputs(shape.seed, shape.n, shape.p, shape.q)
      guard let own = try value(measure, x, x), let other = try value(measure, x, y) else { continue }
      let what: Comment = "\(name): \(own), of another \(other)"
      switch measure.direction {
      case .similarity: #expect(abs(own - measure.range.upperBound) < 1e-9 && other <= own, what)
      case .distance: #expect(own < 1e-5 && other >= 0, what)
      }
    }
  }

  @Test(arguments: Measure.all.map(\.name), Invariance.allCases)
  func aMeasureIsInvariantToWhatItDeclaresAndNothingElse(_ name: String, _ invariance: Invariance) throws {
    let measure = try measure(name)
    var defined = 0
    for shape in referenceCases {
      let (x, y) = try inputs(shape.seed, shape.n, shape.p, shape.q)
      guard let before = try value(measure, x, y) else { continue }
      defined += 1
      func isSame(_ after: Double) -> Bool { abs(before - after) < 1e-5 * max(1, abs(before)) }
      let ofX = try measure(Representation(transformed(x.tensor, by: invariance)), y)
      let ofY = try measure(x, Representation(transformed(y.tensor, by: invariance)))
      let what: Comment = "\(shape): \(before), \(ofX), \(ofY)"
      #expect(isSame(ofX) == measure.invariances.contains(invariance), what)
      #expect(isSame(ofY) == measure.invariancesOfY.contains(invariance), what)
    }
    #expect(defined > 0)
  }
}

/// Rows of `a` times the p × p matrix `b`.
private func times(_ a: Tensor, _ b: Matrix) -> Tensor {
  let product = Matrix(a.shape[0], a.shape[1], values: a.values.map(Double.init)) * b
  return Tensor(shape: [product.rows, product.columns], values: product.values.map { Float($0) })
}

private func transformed(_ x: Tensor, by invariance: Invariance) throws -> Tensor {
  let p = x.shape[1]
  let stream = Philox(seed: 3, purpose: .tests)
  let random = Matrix(p, p, values: (0..<(p * p)).map { Double(stream.uniform(at: UInt64($0))) - 0.5 })
  switch invariance {
  case .orthogonal:
    let (u, _, vt) = try random.singularValueDecomposition()
    return times(x, u * vt)
  case .scaling: return Tensor(shape: x.shape, values: x.values.map { 3.7 * $0 })
  case .translation:
    return Tensor(shape: x.shape, values: x.values.enumerated().map { $1 + Float($0 % p) / 4 })
  case .invertibleLinear: return times(x, random)
  case .permutation:
    let order = stream.permutation(of: p)
    return Tensor(shape: x.shape, values: (0..<x.count).map { x.values[$0 / p * p + order[$0 % p]] })
  }
}

@Test func whatCannotBeComparedIsNamed() throws {
  func problem(_ x: Tensor, _ y: Tensor) -> String {
    do {
      return "\(try Measure.linearCKA(Representation(x, name: "front"), Representation(y, name: "end")))"
    } catch { return "\(error)" }
  }
  let good = Tensor(shape: [3, 2], values: [1, 2, 3, 5, 4, 0])
  #expect(
    problem(good, Tensor(zeros: [4, 2])) == "front has 3 samples, end has 4; they must be the same ones")
  #expect(problem(good, Tensor(zeros: [3, 2])).hasPrefix("end is the same for all 3 samples"))
  #expect(
    problem(good, Tensor(shape: [3, 1], values: [0.1, 0.1, 0.1])).hasPrefix("end is the same for all"))
  #expect(
    problem(Tensor(shape: [3, 2], values: [1, 2, 3, .nan, 4, 0]), good)
      == "front has nan at sample 1, feature 1")
  let one = Tensor(shape: [1, 2], values: [1, 2])
  #expect(problem(one, one) == "front is 1 × 2; a comparison needs two samples")
  #expect(problem(Tensor(zeros: [3]), good).contains("has shape [3]"))
}

@Test func imagesAreLaidOutAsAsked() throws {
  // Value 100·sample + 10·channel + position.
  let values: [Float] = [0, 1, 10, 11, 20, 21, 100, 101, 110, 111, 120, 121]
  let images = Tensor(shape: [2, 3, 1, 2], values: values)
  #expect(try Representation(images).tensor.shape == [2, 6])
  #expect(
    try Representation(images, layout: .spaceAsSamples).tensor
      == Tensor(shape: [4, 3], values: [0, 10, 20, 1, 11, 21, 100, 110, 120, 101, 111, 121]))
  #expect(
    try Representation(images, layout: .pool).tensor
      == Tensor(shape: [2, 3], values: [0.5, 10.5, 20.5, 100.5, 110.5, 120.5]))
  #expect(
    try Representation(images, layout: .spaceAsSamples, rows: [1, 2]).tensor
      == Tensor(shape: [2, 3], values: [1, 11, 21, 100, 110, 120]))
  #expect(
    try Representation(images, layout: .pool, rows: [1]).tensor
      == Tensor(shape: [1, 3], values: [100.5, 110.5, 120.5]))
  #expect(try Representation(images, rows: [1]).tensor == Tensor(shape: [1, 6], values: values[6...]))
  #expect(Representation.rowCount(of: [2, 3, 1, 2], layout: .spaceAsSamples) == 4)
  #expect(Representation.rowCount(of: [2, 3, 1, 2], layout: .pool) == 2)
  let tokens = images.reshaped([2, 2, 3])
  #expect(try Representation(tokens, layout: .spaceAsSamples).tensor == images.reshaped([4, 3]))
  #expect(
    try Representation(tokens, layout: .spaceAsSamples, rows: [3]).tensor
      == Tensor(shape: [1, 3], values: values[9...]))
  #expect(
    try Representation(tokens, layout: .pool).tensor
      == Tensor(shape: [2, 3], values: [5.5, 10.5, 15.5, 105.5, 110.5, 115.5]))
  #expect(Representation.rowCount(of: [2, 2, 3], layout: .spaceAsSamples) == 4)
}
