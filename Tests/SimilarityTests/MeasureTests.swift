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

/// (seed, n, p, q), then the values in the order of `Measure.all`, by script/references/similarity.py (NumPy
/// 2.4.6). The first row agrees to 1e-8 with values on which several public implementations agree (CKA
/// 0.4893427391, angular 0.7629815799, normalised 0.7446090013); inputs here are rounded to Float32.
private let references: [(UInt32, Int, Int, Int, [Double])] = [
  (0, 30, 25, 25, [0.4893427345, 34.2356766267, 0.7446090049, 0.7629815838]),
  (1, 10, 40, 35, [0.7674566663, 4.6361603921, 0.3934386351, 0.3960214511]),
  (2, 12, 5, 30, [0.4422453499, 18.7733921495, 0.9048497296, 0.9389650597]),
]

@Test(arguments: references)
func measuresAgreeWithNumPy(seed: UInt32, n: Int, p: Int, q: Int, values: [Double]) throws {
  let (x, y) = try inputs(seed, n, p, q)
  if seed == 0 { #expect(Array(x.tensor.values.prefix(3)) == [0.5488135, 0.71518934, 0.60276335]) }
  for (measure, value) in zip(Measure.all, values) {
    let found = try measure(x, y)
    #expect(abs(found - value) < 1e-7, "\(measure.name): \(found)")
    #expect(try abs(measure(y, x) - found) < 1e-7, "\(measure.name) is symmetric")
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

@Test(arguments: references.map { ($0.0, $0.1, $0.2, $0.3) }, Invariance.allCases)
func measuresAreInvariantToWhatTheyDeclareAndNothingElse(
  shape: (UInt32, Int, Int, Int), invariance: Invariance
) throws {
  let (x, y) = try inputs(shape.0, shape.1, shape.2, shape.3)
  let changed = try Representation(transformed(x.tensor, by: invariance))
  for measure in Measure.all {
    let (before, after) = (try measure(x, y), try measure(changed, y))
    let same = abs(before - after) < 1e-5 * max(1, abs(before))
    #expect(same == measure.invariances.contains(invariance), "\(measure.name): \(before), \(after)")
  }
}

@Test func aRepresentationIsItself() throws {
  for reference in references {
    let (x, _) = try inputs(reference.0, reference.1, reference.2, reference.3)
    #expect(try abs(Measure.linearCKA(x, x) - 1) < 1e-12)
    #expect(try Measure.procrustes(x, x) < 1e-5)
    #expect(try Measure.procrustesNormalisedRoot(x, x) < 1e-5)
    #expect(try Measure.procrustesAngular(x, x) < 1e-5)
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
  let tokens = images.reshaped([2, 2, 3])
  #expect(try Representation(tokens, layout: .spaceAsSamples).tensor == images.reshaped([4, 3]))
}
