import NeuralNetworks
import Stitching
import Tensor
import Testing

private let stream = Philox(seed: 21, purpose: .tests)

/// Roughly normal numbers; `from` says which.
private func draws(_ rows: Int, _ columns: Int, from: Int) -> Matrix {
  Matrix(
    rows, columns, values: (0..<(rows * columns)).map { stream.normal(at: UInt64(from + $0)) })
}

/// The statistics of rows, given as images of `positions` rows each; there must be a whole number of them.
private func statistics(_ x: Matrix, _ y: Matrix, positions: Int) -> RowStatistics {
  var statistics = RowStatistics(inputs: x.columns, outputs: y.columns, positions: positions)
  for start in stride(from: 0, to: x.rows, by: positions) {
    func image(_ m: Matrix) -> [Float] {
      (0..<m.columns).flatMap { c in (start..<(start + positions)).map { Float(m[$0, c]) } }
    }
    image(x).withUnsafeBufferPointer { x in image(y).withUnsafeBufferPointer { statistics.add(x, $0) } }
  }
  statistics.finish()
  return statistics
}

/// [X 1] in Double, of values rounded to Float32.
private func augmented(_ x: Matrix) -> Matrix {
  Matrix(
    x.rows, x.columns + 1,
    values: (0..<x.rows).flatMap { r in (0..<x.columns).map { Double(Float(x[r, $0])) } + [1] })
}

/// pinv([X 1])·Y by the singular value decomposition of all rows.
private func reference(_ x: Matrix, _ y: Matrix, tolerance: Double) throws -> (solution: Matrix, rank: Int) {
  let (u, sigma, vt) = try augmented(x).singularValueDecomposition()
  var projected = u.transposedTimes(Matrix(y.rows, y.columns, values: y.values.map { Double(Float($0)) }))
  for (row, value) in sigma.enumerated() {
    for column in 0..<projected.columns {
      projected[row, column] *= value > tolerance * sigma[0] ? 1 / value : 0
    }
  }
  return (vt.transposedTimes(projected), sigma.count { $0 > tolerance * sigma[0] })
}

private func worst(_ a: Matrix, _ b: Matrix) -> Double {
  zip(a.values, b.values).reduce(0) { max($0, abs($1.0 - $1.1)) }
}

/// Rows with given singular values, mixed by a rotation.
private func rows(_ count: Int, singularValues: [Double], from: Int) throws -> Matrix {
  let (u, _, vt) = try draws(count, singularValues.count, from: from).singularValueDecomposition()
  var scaled = vt
  for (row, value) in singularValues.enumerated() {
    for column in 0..<vt.columns { scaled[row, column] *= value * Double(count).squareRoot() }
  }
  return u * scaled
}

@Test(arguments: [(1, 40), (16, 4096), (4, 20_000), (5000, 15_000)])
func anyNumberOfBlocksGivesTheSolutionOfAllRows(positions: Int, count: Int) throws {
  let x = draws(count, 6, from: 0)
  let y = draws(count, 3, from: 1_000_000)
  let found = try LeastSquares(statistics(x, y, positions: positions), tolerance: .standard)
  let expected = try reference(x, y, tolerance: 1e-6)
  #expect(found.rank == 7 && expected.rank == 7)
  #expect(worst(found.solution, expected.solution) < 1e-12)
}

@Test func theDefaultToleranceTellsDirectionsApartWhereItSays() throws {
  // C6: at 1e-6 of the largest, to five percent, with values that are Float32 and 32,768 rows.
  for (small, rank) in [(1.05e-6, 9), (0.95e-6, 8)] {
    let x = try rows(32_768, singularValues: [1, 0.5, 0.2, 0.1, 1e-2, 1e-3, 1e-5, small], from: 0)
    let y = draws(32_768, 2, from: 2_000_000)
    let statistics = statistics(x, y, positions: 64)
    let expected = try reference(x, y, tolerance: 1e-6)
    let found = try LeastSquares(statistics, tolerance: .standard)
    #expect(expected.rank == rank && found.rank == rank, "\(small): \(expected.rank), \(found.rank)")
    // What the solution makes of the rows is off by less than what rounding it to Float32, as maps are, does.
    let a = augmented(x)
    let wanted = a * expected.solution
    let rounded = Matrix(
      expected.solution.rows, expected.solution.columns,
      values: expected.solution.values.map { Double(Float($0)) })
    let error = (a * found.solution - wanted).squaredNorm
    let rounding = (a * rounded - wanted).squaredNorm
    #expect(error < 0.01 * rounding && error < 1e-8 * wanted.squaredNorm, "\(error), \(rounding)")
  }
}

@Test func deadAndRepeatedChannelsAreDropped() throws {
  // Channel 1 is dead, 3 repeats 0, 4 is the sum of 0 and 2.
  var x = draws(500, 5, from: 0)
  for row in 0..<500 {
    x[row, 1] = 0
    x[row, 3] = x[row, 0]
    x[row, 4] = Double(Float(x[row, 0])) + Double(Float(x[row, 2]))
  }
  var y = Matrix(zeros: 500, 1)
  for row in 0..<500 { y[row, 0] = 3 * x[row, 0] - 2 * x[row, 2] + 0.5 }
  let found = try LeastSquares(statistics(x, y, positions: 4), tolerance: .standard)
  #expect(found.rank == 3)
  let expected = try reference(x, y, tolerance: 1e-6)
  #expect(worst(found.solution, expected.solution) < 1e-6)
  #expect(found.solution[1, 0] == 0 || abs(found.solution[1, 0]) < 1e-12)
  let made = augmented(x) * found.solution
  #expect(worst(made, y) < 1e-5)
}

@Test func fewerRowsThanDirectionsGiveTheSolutionOfLeastNorm() throws {
  let x = draws(4, 9, from: 0)
  let y = draws(4, 2, from: 500)
  let found = try LeastSquares(statistics(x, y, positions: 2), tolerance: .standard)
  #expect(found.rank == 4)
  #expect(worst(found.solution, try reference(x, y, tolerance: 1e-6).solution) < 1e-10)
  #expect(worst(augmented(x) * found.solution, y) < 1e-5)
}

@Test func constantInputsLeaveTheBias() throws {
  let x = Matrix(64, 3, values: .init(repeating: 0, count: 192))
  let y = draws(64, 2, from: 0)
  let found = try LeastSquares(statistics(x, y, positions: 8), tolerance: .standard)
  #expect(found.rank == 1)
  for column in 0..<2 {
    let mean = (0..<64).reduce(0.0) { $0 + Double(Float(y[$1, column])) } / 64
    #expect(abs(found.solution[3, column] - mean) < 1e-12)
  }
}

// Issue 7: tokens aren't mistaken for channels.
@Test func tokensAreRowsWithTheirFeaturesTogether() {
  let (x, y) = (draws(12, 3, from: 0), draws(12, 2, from: 100))
  var tokens = RowStatistics(inputs: 3, outputs: 2, positions: 4, featuresLast: true)
  for start in stride(from: 0, to: 12, by: 4) {
    func example(_ m: Matrix) -> [Float] {
      (start..<(start + 4)).flatMap { row in (0..<m.columns).map { Float(m[row, $0]) } }
    }
    example(x).withUnsafeBufferPointer { x in example(y).withUnsafeBufferPointer { tokens.add(x, $0) } }
  }
  tokens.finish()
  let images = statistics(x, y, positions: 4)
  #expect(tokens.gram.values == images.gram.values && tokens.cross.values == images.cross.values)
}
