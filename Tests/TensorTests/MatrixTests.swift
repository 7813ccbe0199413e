import Tensor
import Testing

private func random(_ rows: Int, _ columns: Int, _ index: UInt32 = 0) -> Matrix {
  let stream = Philox(seed: 7, purpose: .tests, index: index)
  return Matrix(
    rows, columns, values: (0..<(rows * columns)).map { Double(stream.uniform(at: UInt64($0))) - 0.5 })
}

private func close(_ a: Matrix, _ b: Matrix, _ tolerance: Double = 1e-12) -> Bool {
  a.rows == b.rows && a.columns == b.columns
    && zip(a.values, b.values).allSatisfy { abs($0 - $1) <= tolerance }
}

@Test func productsAgreeWithTheirDefinition() {
  let a = random(3, 5)
  let b = random(5, 4, 1)
  var expected = Matrix(zeros: 3, 4)
  for i in 0..<3 { for j in 0..<4 { for k in 0..<5 { expected[i, j] += a[i, k] * b[k, j] } } }
  #expect(close(a * b, expected))
  #expect(close(a.transposed.transposedTimes(b), expected))
  #expect(close(a.timesTransposed(b.transposed), expected))
  var gram = Matrix(zeros: 3, 3)
  gram.addGram(of: a)
  #expect(close(gram, a * a.transposed))
  var inner = Matrix(zeros: 5, 5)
  inner.addGram(of: a, transposed: true)
  #expect(close(inner, a.transposed * a))
}

@Test func aSymmetricMatrixIsItsEigenvectorsAndValues() throws {
  let x = random(6, 6)
  let a = x.transposedTimes(x)
  let (values, vectors) = try a.symmetricEigen()
  #expect(values == values.sorted())
  var scaled = vectors
  for i in 0..<6 { for j in 0..<6 { scaled[i, j] *= values[i] } }
  #expect(close(vectors.transposedTimes(scaled), a))
  #expect(close(vectors * vectors.transposed, .identity(6)))
}

@Test(arguments: [(5, 3), (3, 5), (4, 4), (1, 1)])
func aMatrixIsItsSingularVectorsAndValues(rows: Int, columns: Int) throws {
  let a = random(rows, columns)
  let (u, values, vt) = try a.singularValueDecomposition()
  var scaled = vt
  for i in 0..<values.count { for j in 0..<columns { scaled[i, j] *= values[i] } }
  #expect(close(u * scaled, a))
  #expect(try zip(a.singularValues(), values).allSatisfy { abs($0 - $1) < 1e-12 })
  #expect(values == values.sorted(by: >))
  #expect(try abs(a.nuclearNorm() - values.reduce(0, +)) < 1e-12)
}

@Test func matricesThatAreNotFiniteAreRefused() {
  var a = random(3, 3)
  a[1, 2] = .nan
  #expect(throws: MatrixError.self) { try a.symmetricEigen() }
  #expect(throws: MatrixError.self) { try a.singularValues() }
}

@Test func roomThatIsntCountedIn32BitsIsAnErrorNotATrap() throws {
  // C13: an eigendecomposition of n rows wants 1 + 6n + 2n² numbers.
  let matrix = Matrix(zeros: 3, 2)
  #expect(try workCount(Double(1 + 6 * 32_766 + 2 * 32_766 * 32_766), for: matrix) == 2_147_418_109)
  let error = #expect(throws: MatrixError.self) {
    try workCount(Double(1 + 6 * 32_768 + 2 * 32_768 * 32_768), for: matrix)
  }
  #expect(error?.description.hasPrefix("a 3 × 2 matrix is too large to be decomposed") == true)
}

@Suite(.serialized)
struct MatrixThreadTests {
  @Test(arguments: [(70, 130, 90), (1, 5, 3), (600, 33, 64)])
  func productsHaveTheSameBitsOnAnyNumberOfThreads(_ rows: Int, _ inner: Int, _ columns: Int) {
    let before = Team.limit
    defer { Team.limit = before }
    let (a, b) = (random(rows, inner), random(inner, columns, 1))
    func products() -> [Matrix] {
      var gram = Matrix(zeros: rows, rows)
      gram.addGram(of: a)
      var features = Matrix(zeros: inner, inner)
      features.addGram(of: a, transposed: true)
      return [
        a * b, a.transposed.transposedTimes(b), a.timesTransposed(b.transposed), gram, features,
      ]
    }
    Team.limit = 1
    let alone = products()
    for threads in [2, 5] {
      Team.limit = threads
      #expect(products() == alone)
    }
    for (product, other) in zip(alone[0].values, alone[1].values) { #expect(abs(product - other) < 1e-12) }
    for row in 0..<rows {
      for column in 0..<rows {
        let expected = (0..<inner).reduce(0.0) { $0 + a[row, $1] * a[column, $1] }
        #expect(abs(alone[3][row, column] - expected) < 1e-12)
      }
    }
  }
}
