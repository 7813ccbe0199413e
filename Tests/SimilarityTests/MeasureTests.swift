import Formats
import Foundation
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

  /// Values are shared as far as there is room, and computed by as many threads as there are: their bits don't tell.
  @Test func bitsDependNeitherOnSharingNorOnThreads() throws {
    let (x, y) = try inputs(5, 150, 30, 200)
    func values(_ measures: [Measure], room: Int, threads: Int) throws -> [String: Double] {
      let before = Team.limit
      Team.limit = threads
      defer { Team.limit = before }
      let shelf = Shelf(room: room)
      let pair = try Comparison(Prepared(x, on: shelf), Prepared(y, on: shelf))
      return Dictionary(
        uniqueKeysWithValues: measures.compactMap { measure in
          (try? measure(pair)).map { (measure.name, $0) }
        })
    }
    let alone = try values(Measure.all, room: 0, threads: 1)
    #expect(alone.count > 25)
    #expect(try values(Measure.all, room: 1 << 30, threads: 3) == alone)
    #expect(try values(Measure.all.reversed(), room: 1 << 30, threads: 1) == alone)
    #expect(try values(Measure.all.reversed(), room: 400_000, threads: 2) == alone)
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
    var changes: [(ofX: Bool, ofY: Bool)] = []
    for shape in referenceCases {
      let (x, y) = try inputs(shape.seed, shape.n, shape.p, shape.q)
      guard let before = try value(measure, x, y) else { continue }
      func isChanged(_ after: Double) -> Bool { abs(before - after) > 1e-5 * max(1, abs(before)) }
      let ofX = try measure(Representation(transformed(x.tensor, by: invariance)), y)
      let ofY = try measure(x, Representation(transformed(y.tensor, by: invariance)))
      changes.append((isChanged(ofX), isChanged(ofY)))
    }
    #expect(!changes.isEmpty)
    // One change shows that there is no invariance; counts of neighbours may agree by chance.
    #expect(changes.contains(where: \.ofX) == !measure.invariances.contains(invariance), "of x")
    #expect(changes.contains(where: \.ofY) == !measure.invariancesOfY.contains(invariance), "of y")
  }
}

/// Activations that some measures aren't defined for, and what is said then; or that they are defined for, against
/// expectation.
@Suite struct UnusualRepresentationTests {
  private struct Refusal {
    let name: String
    let x: Tensor
    let y: Tensor
    let settings: [String: MeasureSetting]
    let message: String

    init(
      _ name: String, _ x: Tensor, _ y: Tensor, _ message: String,
      _ settings: [String: MeasureSetting] = [:]
    ) {
      self.name = name
      self.x = x
      self.y = y
      self.settings = settings
      self.message = message
    }
  }

  private static func tensor(_ n: Int, _ p: Int, seed: UInt32 = 7) -> Tensor {
    var random = MersenneTwister(seed: seed)
    return random.uniform(n, p)
  }

  private func problem(
    _ name: String, _ x: Tensor, _ y: Tensor, _ settings: [String: MeasureSetting] = [:]
  ) throws -> String {
    do {
      return try
        "\(measure(name)(Representation(x, name: "front"), Representation(y, name: "end"), with: settings))"
    } catch { return "\(error)" }
  }

  @Test func whatAMeasureIsNotDefinedForIsSaid() throws {
    let (wide, narrow) = (Self.tensor(12, 40), Self.tensor(12, 3, seed: 8))
    var withZero = Self.tensor(12, 3)
    withZero.withUnsafeMutableValues { values in for k in 0..<3 { values[5 * 3 + k] = 0 } }
    let rank =
      "has rank 11 on 12 samples, so that every other representation of them is a linear function of it; take more "
      + "samples than features, or fewer features with layout 'pool'"
    let step = Tensor(shape: [12, 1], values: [Float](repeating: 1, count: 11) + [0])
    let zero = "is 0 in all features of sample 5, which has no direction then"
    let longer = "take more samples, or fewer features with layout 'pool'"
    let refusals: [Refusal] = [
      Refusal("mean_cca", wide, narrow, "front \(rank)"),
      Refusal("r2_cca", narrow, wide, "end \(rank)"),
      Refusal("pwcca", wide, narrow, "front \(rank)"),
      Refusal("linear_regression", narrow, wide, "end \(rank)"),
      Refusal("eigenspace_overlap", wide, wide, "front \(rank)"),
      Refusal("gulp", narrow, wide, "end \(rank)", ["lambda": .number(0)]),
      Refusal(
        "svcca", wide, narrow,
        "front needs 11 directions for a share of 0.99, and 12 samples have no more; take a lower 'share' or more samples"
      ),
      Refusal(
        "pwcca", Self.tensor(12, 6), Self.tensor(12, 6, seed: 8),
        "front and end have ranks 6 and 6 on 12 samples: by count alone some canonical correlations are 1, of no directions in particular; \(longer)"
      ),
      Refusal(
        "subspace_overlap", narrow, wide,
        "front has rank 3 on 12 samples; take fewer 'dimensions' than 4", ["dimensions": .whole(4)]),
      Refusal("jaccard_knn", narrow, withZero, "end \(zero)"),
      Refusal("rank_similarity", withZero, wide, "front \(zero)"),
      Refusal("second_order_cosine", narrow, withZero, "end \(zero)"),
      Refusal("rsa", narrow, withZero, "end \(zero)", ["distance": .word("cosine")]),
      Refusal(
        "rsa", narrow, withZero,
        "end has the same value in all 3 features of sample 5, which correlates with nothing then"),
      Refusal(
        "rsa", narrow, Self.tensor(12, 1),
        "end has the same value in all 1 features of sample 0, which correlates with nothing then"),
      Refusal(
        "concentricity_difference", narrow, withZero, "sample 5 of end is 0, which has no direction"),
      Refusal(
        "jaccard_knn", narrow, wide,
        "front is of 12 samples, so that none has 12 neighbours; take a lower 'k'", ["k": .whole(12)]),
      Refusal(
        "cosine_similarity", narrow, wide,
        "front has 3 features, end has 40; take aligned_cosine, which rotates one to the other"),
      Refusal(
        "rbf_cka", narrow, step, "end: half of its pairs of samples are the same; the median distance is 0"),
    ]
    for one in refusals {
      #expect(try problem(one.name, one.x, one.y, one.settings) == "\(one.name): \(one.message)")
    }
    let three = Self.tensor(3, 2)
    let rows = Tensor(shape: [20_001, 1], values: (0..<20_001).map { Float($0 % 7) })
    for name in ["linear_cka_debiased", "linear_cka_minibatch"] {
      #expect(try problem(name, three, three) == "\(name) needs 4 samples, there are 3")
    }
    #expect(
      try problem("rsm_norm_difference", rows, rows)
        == "rsm_norm_difference: front has 20001 rows, and every two are compared: take at most 20000 of them, with "
        + "'rows'")
  }

  /// NaN, samples that are all the same: nothing answers them with a number.
  @Test(arguments: Measure.all.map(\.name)) func noMeasureAnswersWhatIsNoRepresentation(_ name: String) throws
  {
    let good = Self.tensor(12, 3)
    var bad = good
    bad.withUnsafeMutableValues { $0[4] = .nan }
    #expect(try problem(name, good, bad) == "end has nan at sample 1, feature 1")
    bad.withUnsafeMutableValues { $0[4] = .infinity }
    #expect(try problem(name, bad, good) == "front has inf at sample 1, feature 1")
    let same = Tensor(shape: [12, 3], values: (0..<36).map { Float($0 % 3) })
    #expect(try problem(name, good, same) == "end is the same for all 12 samples; it has nothing to compare")
  }

  /// A dead unit, which is 0 for every sample, changes what counts units one by one, and nothing else.
  @Test(arguments: Measure.all.map(\.name)) func aDeadUnitCountsWhereUnitsAreCounted(_ name: String) throws {
    let (x, y) = (Self.tensor(40, 6), Self.tensor(40, 9, seed: 8))
    var values: [Float] = []
    for i in 0..<40 {
      values += x.values[(i * 6)..<(i * 6 + 6)]
      values.append(0)
    }
    let dead = Tensor(shape: [40, 7], values: values)
    let measure = try measure(name)
    guard let before = try value(measure, Representation(x), Representation(y)) else { return }
    let after = try measure(Representation(dead), Representation(y))
    let counts = ["hard_correlation_match", "soft_correlation_match", "rsa"].contains(name)
    #expect((abs(before - after) < 1e-9 * max(1, before)) == !counts, "\(before), \(after)")
  }

  /// A unit that is there twice makes Gram matrices singular; what goes by the span of units isn't changed by it.
  @Test func unitsThatDependOnOthersAddNothingToTheSpan() throws {
    let (x, y) = (Self.tensor(40, 6), Self.tensor(40, 9, seed: 8))
    var values: [Float] = []
    for i in 0..<40 {
      let row = x.values[(i * 6)..<(i * 6 + 6)]
      values += row
      values += row.prefix(2)
    }
    let twice = Tensor(shape: [40, 8], values: values)
    for name in ["mean_cca", "r2_cca", "eigenspace_overlap"] {
      let measure = try measure(name)
      let before = try measure(Representation(x), Representation(y))
      #expect(try abs(measure(Representation(twice), Representation(y)) - before) < 1e-6, "\(name)")
      #expect(try abs(measure(Representation(x), Representation(twice)) - 1) < 1e-6, "\(name)")
    }
    let regression = try measure("linear_regression")
    let before = try regression(Representation(y), Representation(x))
    #expect(try abs(regression(Representation(y), Representation(twice)) - before) < 1e-6)
  }
}

/// Values on which several public implementations agree, where the folder with them lies beside the package.
@Test func measuresAgreeWithPublishedImplementations() throws {
  let oracles = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent().appending(path: "shared/oracles")
  guard let table = try? String(contentsOf: oracles.appending(path: "measures.csv"), encoding: .utf8) else {
    return
  }
  let arrays = try ArrayFile(contentsOf: oracles.appending(path: "inputs.npz"))
  let x = try Representation(arrays.array("X").finiteTensor(), name: "x")
  let y = try Representation(arrays.array("Y").finiteTensor(), name: "y")
  let names = [
    "svcca_0.99": "svcca", "rsa_pearson_spearman": "rsa", "jaccard_knn10_cosine": "jaccard_knn",
  ]
  let lines = table.split(separator: "\n").dropFirst()
  #expect(lines.count >= 9)
  for line in lines {
    let cells = line.split(separator: ",").map(String.init)
    let found = try measure(names[cells[0]] ?? cells[0])(x, y)
    #expect(try abs(found - #require(Double(cells[1]))) < 1e-6, "\(line): \(found)")
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
