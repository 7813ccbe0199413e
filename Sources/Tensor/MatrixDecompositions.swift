// Owns decompositions of matrices, on LAPACK. LAPACK is column-major, so it is given a row-major matrix as its
// transpose, and what comes out is read likewise.
import COpenBLAS

extension Matrix {
  /// Eigenvalues of a symmetric matrix, ascending, and its eigenvectors as rows: A = Vᵀ·diag(λ)·V.
  public func symmetricEigen() throws -> (values: [Double], vectors: Matrix) { try eigen(vectors: true) }

  /// Eigenvalues of a symmetric matrix, ascending.
  public func symmetricEigenvalues() throws -> [Double] { try eigen(vectors: false).values }

  private func eigen(vectors wanted: Bool) throws -> (values: [Double], vectors: Matrix) {
    precondition(rows == columns, "BUG: \(rows) × \(columns) is not square")
    guard rows > 0 else { return ([], self) }
    try requireFiniteElements()
    serialBLAS()
    var n = Int32(rows)
    var vectors = values
    var eigenvalues = [Double](repeating: 0, count: rows)
    var (workSize, integerSize): (Int32, Int32) = (-1, -1)
    var work = [0.0]
    var integers: [Int32] = [0]
    var info: Int32 = 0
    // First a question for how much room is needed, then the work.
    for _ in 0..<2 {
      dsyevd_(
        wanted ? "V" : "N", "U", &n, &vectors, &n, &eigenvalues, &work, &workSize, &integers, &integerSize,
        &info)
      if workSize != -1 { break }
      workSize = try workCount(work[0], for: self)
      integerSize = integers[0]
      work = [Double](repeating: 0, count: Int(workSize))
      integers = [Int32](repeating: 0, count: Int(integerSize))
    }
    guard info == 0 else { throw MatrixError("the eigenvalues of a \(rows) × \(rows) matrix don't converge") }
    return (eigenvalues, Matrix(rows, rows, values: vectors))
  }

  /// The singular values, descending.
  public func singularValues() throws -> [Double] { try decompose(vectors: false).values }

  /// The thin singular value decomposition: A = U·diag(σ)·Vᵀ, U rows × k, `vt` k × columns, k = min(rows,
  /// columns), σ descending.
  public func singularValueDecomposition() throws -> (u: Matrix, values: [Double], vt: Matrix) {
    try decompose(vectors: true)
  }

  /// The nuclear norm ‖A‖_*, the sum of singular values.
  public func nuclearNorm() throws -> Double { try singularValues().reduce(0, +) }

  private func decompose(vectors: Bool) throws -> (u: Matrix, values: [Double], vt: Matrix) {
    let k = min(rows, columns)
    guard k > 0 else { return (Matrix(zeros: rows, 0), [], Matrix(zeros: 0, columns)) }
    try requireFiniteElements()
    serialBLAS()
    // Row-major A is column-major Aᵀ = V·diag(σ)·Uᵀ: LAPACK's U is our Vᵀ read row-major, and its Vᵀ our U.
    var (m, n, small) = (Int32(columns), Int32(rows), Int32(k))
    var a = values
    var sigma = [Double](repeating: 0, count: k)
    var left = [Double](repeating: 0, count: vectors ? columns * k : 1)
    var right = [Double](repeating: 0, count: vectors ? rows * k : 1)
    var integers = [Int32](repeating: 0, count: 8 * k)
    var work = [0.0]
    var workSize: Int32 = -1
    var info: Int32 = 0
    for _ in 0..<2 {
      dgesdd_(
        vectors ? "S" : "N", &m, &n, &a, &m, &sigma, &left, &m, &right, &small, &work, &workSize, &integers,
        &info)
      if workSize != -1 { break }
      workSize = try workCount(work[0], for: self)
      work = [Double](repeating: 0, count: Int(workSize))
    }
    guard info == 0 else {
      throw MatrixError("the singular values of a \(rows) × \(columns) matrix don't converge")
    }
    guard vectors else { return (Matrix(zeros: rows, 0), sigma, Matrix(zeros: 0, columns)) }
    return (Matrix(rows, k, values: right), sigma, Matrix(k, columns, values: left))
  }

  func requireFiniteElements() throws {
    guard let wrong = values.firstIndex(where: { !$0.isFinite }) else { return }
    throw MatrixError(
      "element (\(wrong / columns), \(wrong % columns)) of a \(rows) × \(columns) matrix is \(values[wrong])")
  }
}

/// How much room LAPACK wants for its work on a matrix, which it counts in 32 bits: an eigendecomposition ends at
/// 32,766 rows.
package func workCount(_ answer: Double, for matrix: Matrix) throws -> Int32 {
  guard let count = Int32(exactly: answer.rounded(.up)) else {
    throw MatrixError(
      "a \(matrix.rows) × \(matrix.columns) matrix is too large to be decomposed: the room for it isn't counted "
        + "in 32 bits; take fewer samples or features")
  }
  return count
}

/// A matrix that can't be decomposed.
public struct MatrixError: Error, Hashable, Sendable, CustomStringConvertible {
  public let description: String

  init(_ description: String) { self.description = description }
}
