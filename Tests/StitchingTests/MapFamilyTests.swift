import Stitching
import Tensor
import Testing

private let standard = RankTolerance.standard
private let sizes = [(6, 6), (7, 4), (4, 7)]

private func random(_ rows: Int, _ columns: Int, _ from: Int) -> Matrix {
  Rows.draws(rows, columns, from: 1_000_000 + from)
}

/// Any orthonormal columns (or rows, where there are fewer).
private func orthonormal(_ rows: Int, _ columns: Int, _ from: Int) throws -> Matrix {
  let (u, _, vt) = try random(rows, columns, from).singularValueDecomposition()
  return u * vt
}

@Test(arguments: sizes)
func statisticsAreThoseOfTheRows(size: (Int, Int)) throws {
  let rows = Rows.related(50, size.0, size.1)
  let statistics = rows.statistics
  #expect(statistics.rows == 50 && statistics.inputs == size.0 && statistics.outputs == size.1)
  func means(_ m: Matrix) -> [Double] {
    (0..<m.columns).map { c in (0..<50).reduce(0) { $0 + m[$1, c] } / 50 }
  }
  func centred(_ m: Matrix) -> Matrix {
    let means = means(m)
    return Matrix(50, m.columns, values: m.values.enumerated().map { $1 - means[$0 % m.columns] })
  }
  func isClose(_ a: Matrix, _ b: Matrix) -> Bool { a.distance(to: b) < 1e-9 * b.squaredNorm.squareRoot() }
  #expect(isClose(Matrix(1, size.0, values: statistics.inputMeans), Matrix(1, size.0, values: means(rows.x))))
  #expect(
    isClose(Matrix(1, size.1, values: statistics.outputMeans), Matrix(1, size.1, values: means(rows.y))))
  #expect(isClose(statistics.inputGram(centred: false), rows.x.transposedTimes(rows.x)))
  #expect(isClose(statistics.inputGram(centred: true), centred(rows.x).transposedTimes(centred(rows.x))))
  #expect(isClose(statistics.inputsTimesOutputs(centred: false), rows.x.transposedTimes(rows.y)))
  #expect(
    isClose(statistics.inputsTimesOutputs(centred: true), centred(rows.x).transposedTimes(centred(rows.y))))
  #expect(abs(statistics.outputSquaredNorm - rows.y.squaredNorm) < 1e-9 * rows.y.squaredNorm)
  let any = random(size.0 + 1, size.1, 7)
  let expected = rows.error(any) / rows.y.squaredNorm
  #expect(try abs(statistics.structuralError(of: any) - expected) < 1e-10 * expected)
}

@Test func allZeroTargetsHaveNoStructuralError() {
  let rows = Rows(random(5, 3, 0), Matrix(zeros: 5, 2))
  let error = #expect(throws: StitchingError.self) {
    try rows.statistics.structuralError(of: Matrix(zeros: 4, 2))
  }
  #expect(error?.description == "the end's activations are all zero; there is nothing to compare with")
}

// MARK: Orthogonal

@Test(arguments: sizes, [true, false])
func orthogonalMapsAreOrthogonalTo1e6(size: (Int, Int), addsBias: Bool) throws {
  let family = OrthogonalFamily(addsBias: addsBias)
  let found = try family.closedForm(Rows.related(60, size.0, size.1).statistics, tolerance: standard)
  let kept = try family.broughtBack(
    random(size.1, size.0, 9), from: found.weight, along: random(size.1, size.0, 11))
  for weight in [found.weight, try family.nearestMember(to: random(size.1, size.0, 5)), kept] {
    let product = size.1 >= size.0 ? weight.transposedTimes(weight) : weight.timesTransposed(weight)
    #expect(product.distance(to: .identity(min(size.0, size.1))) < 1e-12)
  }
  #expect(found.bias.allSatisfy { $0 == 0 } != addsBias)
}

@Test(arguments: [(6, 6), (4, 7)])
func aPlantedRotationIsFound(size: (Int, Int)) throws {
  let x = random(80, size.0, 0)
  let rotation = try orthonormal(size.0, size.1, 300)
  var y = x * rotation
  for i in y.values.indices { y.values[i] += Double(i % size.1) }
  let rows = Rows(x, y)
  let found = try OrthogonalFamily().closedForm(rows.statistics, tolerance: standard)
  #expect(found.weight.distance(to: rotation.transposed) < 1e-6)
  #expect(zip(found.bias, 0...).allSatisfy { abs($0 - Double($1)) < 1e-6 })
}

@Test(arguments: sizes, [true, false])
func noOrthogonalMapNearbyHasASmallerError(size: (Int, Int), addsBias: Bool) throws {
  let rows = Rows.related(60, size.0, size.1)
  let statistics = rows.statistics
  let family = OrthogonalFamily(addsBias: addsBias)
  let found = try family.closedForm(statistics, tolerance: standard)
  // What is left out counts where there are fewer outputs: zeros fill them up.
  func error(_ weight: Matrix) -> Double {
    let fit = statistics.inputsTimesOutputs(centred: addsBias).transposed.values
    return -zip(fit, weight.values).reduce(0) { $0 + $1.0 * $1.1 }
  }
  let least = error(found.weight)
  for trial in 0..<20 {
    let step = random(size.1, size.0, 5000 + 100 * trial)
    let moved = Matrix(
      size.1, size.0,
      values: zip(found.weight.values, step.values).map { $0 + (trial < 10 ? 0.01 : 1) * $1 })
    let neighbour = try family.nearestMember(to: moved)
    #expect(error(neighbour) >= least)
  }
  guard size.1 >= size.0 else { return }
  // And then it is the error itself that is least.
  let other = try family.nearestMember(to: random(size.1, size.0, 77))
  var solution = Matrix(zeros: size.0 + 1, size.1)
  for i in 0..<size.0 { for j in 0..<size.1 { solution[i, j] = other[j, i] } }
  #expect(rows.error(solution) > rows.error(found.solution))
}

@Test func deadFeaturesLeaveARotationDefined() throws {
  var x = random(40, 6, 0)
  for row in 0..<40 { (x[row, 1], x[row, 4]) = (0, 2) }
  let rows = Rows(x, x)
  let found = try OrthogonalFamily().closedForm(rows.statistics, tolerance: standard)
  #expect(found.weight.transposedTimes(found.weight).distance(to: .identity(6)) < 1e-12)
  #expect(rows.error(found.solution) < 1e-10 * rows.y.squaredNorm)
}

// MARK: Permutation

@Test(arguments: PermutationFamily.Match.allCases, [true, false])
func aPlantedPermutationIsRecovered(match: PermutationFamily.Match, addsBias: Bool) throws {
  let planted = Philox(seed: 4, purpose: .tests).permutation(of: 12)
  let x = Rows.related(100, 12, 1).x
  let noise = random(100, 12, 0)
  var y = Matrix(zeros: 100, 12)
  for row in 0..<100 {
    for (output, input) in planted.enumerated() {
      let scale = match == .correlation ? Double(output + 1) : 1
      y[row, output] = scale * x[row, input] + 0.1 * noise[row, output]
    }
  }
  let family = PermutationFamily(match: match, addsBias: addsBias)
  let found = try family.closedForm(Rows(x, y).statistics, tolerance: standard)
  for (output, input) in planted.enumerated() {
    for i in 0..<12 { #expect(found.weight[output, i] == (i == input ? 1 : 0)) }
  }
  #expect(found.bias.allSatisfy { $0 == 0 } != addsBias)
}

@Test(arguments: [(4, 4), (5, 3), (3, 5)], [true, false])
func noOtherPermutationHasASmallerError(size: (Int, Int), addsBias: Bool) throws {
  let rows = Rows.related(30, size.0, size.1, noise: 20)
  let statistics = rows.statistics
  let found = try PermutationFamily(addsBias: addsBias).closedForm(statistics, tolerance: standard)
  let least = rows.error(found.solution)
  // Each output's partner, or none; all inputs are used where there are fewer.
  func all(_ chosen: [Int?]) -> [[Int?]] {
    guard chosen.count < size.1 else {
      return Set(chosen.compactMap(\.self)).count == min(size.0, size.1) ? [chosen] : []
    }
    let free = (0..<size.0).filter { !chosen.contains($0) }
    return (free.map { $0 } + [nil]).flatMap { all(chosen + [$0]) }
  }
  let means = (statistics.inputMeans, statistics.outputMeans)
  var smallest = Double.infinity
  for partners in all([]) {
    var solution = Matrix(zeros: size.0 + 1, size.1)
    for (output, input) in partners.enumerated() {
      if let input { solution[input, output] = 1 }
      if addsBias { solution[size.0, output] = means.1[output] - (input.map { means.0[$0] } ?? 0) }
    }
    smallest = min(smallest, rows.error(solution))
  }
  #expect(abs(least - smallest) < 1e-9 * smallest)
}

@Test func constantUnitsCorrelateWithNone() throws {
  var x = random(50, 4, 0)
  for row in 0..<50 { x[row, 2] = 0.1 }
  var y = Matrix(zeros: 50, 4)
  for row in 0..<50 { for j in 0..<4 { y[row, j] = x[row, 3 - j] } }
  let found = try PermutationFamily(match: .correlation).closedForm(
    Rows(x, y).statistics, tolerance: standard)
  for j in 0..<4 { #expect(found.weight[j, 3 - j] == 1) }
}

// MARK: Low rank

@Test(arguments: sizes)
func aMapOfFullRankIsTheAffineOne(size: (Int, Int)) throws {
  let statistics = Rows.related(60, size.0, size.1).statistics
  let affine = try AffineFamily().closedForm(statistics, tolerance: standard)
  for rank in [min(size.0, size.1), 100] {
    let found = try LowRankFamily(rank: rank).closedForm(statistics, tolerance: standard)
    #expect(found.solution == affine.solution && found.rank == affine.rank)
  }
}

/// Reduced-rank regression by the singular value decomposition of what least squares makes of the rows.
@Test(arguments: sizes, 1...3)
func aMapOfLowRankIsReducedRankRegression(size: (Int, Int), rank: Int) throws {
  let rows = Rows.related(60, size.0, size.1, noise: 5)
  let statistics = rows.statistics
  let found = try LowRankFamily(rank: rank).closedForm(statistics, tolerance: standard)
  let affine = try AffineFamily().closedForm(statistics, tolerance: standard)
  let sigma = try found.weight.singularValues()
  #expect(sigma[rank - 1] > 1e-3 && sigma[rank...].allSatisfy { $0 < 1e-10 * sigma[0] })
  var made = rows.made(affine.solution)
  let means = statistics.outputMeans
  for i in made.values.indices { made.values[i] -= means[i % size.1] }
  let (u, values, vt) = try made.singularValueDecomposition()
  var expected = Matrix(zeros: 60, size.1)
  for k in 0..<rank {
    for row in 0..<60 { for j in 0..<size.1 { expected[row, j] += u[row, k] * values[k] * vt[k, j] } }
  }
  for i in expected.values.indices { expected.values[i] += means[i % size.1] }
  #expect(rows.made(found.solution).distance(to: expected) < 1e-8)
}

@Test func aTrainedMapOfLowRankIsCutToIt() throws {
  let weight = random(5, 7, 0)
  let cut = try LowRankFamily(rank: 2).broughtBack(weight, from: weight, along: weight)
  let (before, after) = (try weight.singularValues(), try cut.singularValues())
  #expect(abs(after[0] - before[0]) < 1e-12 && abs(after[1] - before[1]) < 1e-12 && after[2] < 1e-12)
}

// MARK: L1-sparse

@Test(arguments: sizes)
func withoutAPriceAMapIsTheAffineOne(size: (Int, Int)) throws {
  let statistics = Rows.related(60, size.0, size.1).statistics
  let affine = try AffineFamily().closedForm(statistics, tolerance: standard)
  #expect(
    try SparseFamily(lambda: 0).closedForm(statistics, tolerance: standard).solution == affine.solution)
  // And it comes near to it as the price falls.
  let nearly = try SparseFamily(lambda: 1e-9).closedForm(statistics, tolerance: standard)
  #expect(nearly.solution.distance(to: affine.solution) < 1e-3)
}

/// The conditions that hold at the least of ½‖S − T‖²/‖T‖² + λ·Σ|W|, and nowhere else.
@Test(arguments: sizes, [1e-4, 1e-3, 1e-2, 1])
func aSparseMapIsTheLeastOfWhatItSays(size: (Int, Int), lambda: Double) throws {
  let rows = Rows.related(60, size.0, size.1, noise: 10)
  let statistics = rows.statistics
  let found = try SparseFamily(lambda: lambda).closedForm(statistics, tolerance: standard)
  let rest = rows.y - rows.made(found.solution)
  let norm = rows.y.squaredNorm
  let slopes = (1 / norm) * rows.x.transposedTimes(rest)
  for input in 0..<size.0 {
    for output in 0..<size.1 {
      let (weight, slope) = (found.weight[output, input], slopes[input, output])
      if weight == 0 {
        #expect(abs(slope) < lambda * (1 + 1e-5))
      } else {
        #expect(abs(slope - (weight > 0 ? lambda : -lambda)) < 1e-5 * lambda)
      }
    }
  }
  for output in 0..<size.1 {
    #expect(abs((0..<60).reduce(0) { $0 + rest[$1, output] }) < 1e-6 * norm.squareRoot())
  }
  #expect(lambda < 1 || found.weight.values.allSatisfy { $0 == 0 })
}

@Test func deadInputsOfASparseMapHaveNoWeight() throws {
  var x = random(40, 5, 0)
  for row in 0..<40 { (x[row, 1], x[row, 3]) = (0, 0.3) }
  let found = try SparseFamily(lambda: 1e-3).closedForm(Rows(x, x).statistics, tolerance: standard)
  for output in 0..<5 { #expect(found.weight[output, 1] == 0 && found.weight[output, 3] == 0) }
  #expect(abs(found.bias[3] - Double(Float(0.3))) < 1e-12 && found.bias[1] == 0)
}

@Test func stepsOfASparseMapStopAtZero() throws {
  let family = SparseFamily(lambda: 0.2)
  let weight = Matrix(1, 6, values: [0.5, -0.5, 0.01, 0, 0, 0])
  let slope = try family.slopeWithin(Matrix(1, 6, values: [0.1, 0.1, 0.1, 0.1, 0.3, -0.5]), at: weight)
  #expect(slope.distance(to: Matrix(1, 6, values: [0.3, -0.1, 0.3, 0, 0.1, -0.3])) < 1e-15)
  let moved = try family.broughtBack(
    Matrix(1, 6, values: [0.4, -0.4, -0.1, 0.2, -0.1, -0.3]), from: weight, along: slope)
  #expect(moved.values == [0.4, -0.4, 0, 0, -0.1, 0])
  #expect(SparseFamily(lambda: 0).canMoveAnywhere && !family.canMoveAnywhere)
}

/// Along the slope a family goes on to first order; where the closed form is, there is none.
@Test(arguments: sizes, [0, 1])
func slopesLeadAlongTheFamily(size: (Int, Int), which: Int) throws {
  let family: any MapFamily = [OrthogonalFamily(addsBias: false), LowRankFamily(rank: 2)][which]
  let weight = try family.nearestMember(to: random(size.1, size.0, 0))
  let gradient = random(size.1, size.0, 100)
  let slope = try family.slopeWithin(gradient, at: weight)
  // It is a projection.
  #expect(try family.slopeWithin(slope, at: weight).distance(to: slope) < 1e-12)
  let inner = zip(slope.values, (gradient - slope).values).reduce(0) { $0 + $1.0 * $1.1 }
  #expect(abs(inner) < 1e-12 * gradient.squaredNorm)
  func leaves(_ step: Double) throws -> Double {
    let moved = weight - step * slope
    return (moved - (try family.nearestMember(to: moved))).squaredNorm.squareRoot()
  }
  #expect(try leaves(1e-3) < 2e-2 * leaves(1e-2) && leaves(1e-3) < 1e-4)
  // The gradient of ½‖XWᵀ − Y‖² at the closed form.
  guard which == 0, size.1 >= size.0 else { return }
  let rows = Rows.related(60, size.0, size.1)
  let found = try family.closedForm(rows.statistics, tolerance: standard)
  let there = (rows.made(found.solution) - rows.y).transposedTimes(rows.x)
  let rest = try family.slopeWithin(there, at: found.weight).squaredNorm
  #expect(there.squaredNorm > 1 && rest < 1e-20 * there.squaredNorm)
}

// MARK: Identity

@Test(arguments: sizes)
func theIdentityCopies(size: (Int, Int)) throws {
  let found = try IdentityFamily().closedForm(
    Rows.related(9, size.0, size.1).statistics, tolerance: standard)
  for output in 0..<size.1 {
    for input in 0..<size.0 { #expect(found.weight[output, input] == (input == output ? 1 : 0)) }
  }
  #expect(found.bias.allSatisfy { $0 == 0 })
}

// MARK: All of them

private let families: [any MapFamily] = [
  AffineFamily(), OrthogonalFamily(), OrthogonalFamily(addsBias: false), PermutationFamily(),
  PermutationFamily(match: .correlation, addsBias: true), LowRankFamily(rank: 2), SparseFamily(lambda: 1e-2),
  IdentityFamily(),
]

@Test(arguments: families.indices, sizes)
func noFamilyFitsBetterThanAllMaps(family: Int, size: (Int, Int)) throws {
  let rows = Rows.related(60, size.0, size.1)
  let statistics = rows.statistics
  let found = try families[family].closedForm(statistics, tolerance: standard)
  let affine = try AffineFamily().closedForm(statistics, tolerance: standard)
  #expect(rows.error(found.solution) >= rows.error(affine.solution) * (1 - 1e-9))
}

@Test(arguments: families.indices)
func fewerRowsThanFeaturesAndDeadOnesGiveFiniteMaps(family: Int) throws {
  var x = random(3, 6, 0)
  var y = random(3, 6, 100)
  for row in 0..<3 { (x[row, 0], y[row, 0], x[row, 5]) = (0, 0, x[row, 4]) }
  for rows in [Rows(x, y), Rows(Matrix(zeros: 3, 6), y), Rows(x, Matrix(zeros: 3, 6))] {
    let found = try families[family].closedForm(rows.statistics, tolerance: standard)
    #expect(found.solution.values.allSatisfy { $0.isFinite })
  }
}

@Test(arguments: families.indices.dropLast())
func sumsThatAreNotFiniteAreRefused(family: Int) throws {
  let x = Matrix(2, 2, values: [.infinity, 1, 2, 3])
  #expect(throws: (any Error).self) {
    try families[family].closedForm(Rows(x, x).statistics, tolerance: standard)
  }
}
