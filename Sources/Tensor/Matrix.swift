// Owns matrices of Double and their products, on OpenBLAS. Decompositions are in MatrixDecompositions.swift.
// OpenBLAS computes on one thread, so that its bits don't depend on the machine's cores.
import COpenBLAS

/// A matrix of Double, row-major.
public struct Matrix: Sendable, Hashable {
  public let rows: Int
  public let columns: Int
  public var values: [Double]

  /// `values` are row-major, rows × columns of them.
  public init(_ rows: Int, _ columns: Int, values: [Double]) {
    precondition(values.count == rows * columns, "BUG: \(values.count) values for \(rows) × \(columns)")
    self.rows = rows
    self.columns = columns
    self.values = values
  }

  public init(zeros rows: Int, _ columns: Int) {
    self.init(rows, columns, values: [Double](repeating: 0, count: rows * columns))
  }

  public static func identity(_ size: Int) -> Matrix {
    var out = Matrix(zeros: size, size)
    for i in 0..<size { out[i, i] = 1 }
    return out
  }

  public subscript(row: Int, column: Int) -> Double {
    get { values[row * columns + column] }
    set { values[row * columns + column] = newValue }
  }

  public var transposed: Matrix {
    Matrix(
      columns, rows,
      values: [Double](unsafeUninitializedCapacity: values.count) { out, count in
        for column in 0..<columns {
          for row in 0..<rows {
            out.initializeElement(at: column * rows + row, to: values[row * columns + column])
          }
        }
        count = values.count
      })
  }

  /// The sum of squares, ‖A‖²_F.
  public var squaredNorm: Double { values.reduce(0) { $0 + $1 * $1 } }
}

extension Matrix {
  /// A·B.
  public static func * (a: Matrix, b: Matrix) -> Matrix {
    precondition(a.columns == b.rows, "BUG: \(a.rows) × \(a.columns) times \(b.rows) × \(b.columns)")
    var out = Matrix(zeros: a.rows, b.columns)
    out.add(a, times: b)
    return out
  }

  public static func * (scale: Double, a: Matrix) -> Matrix {
    Matrix(a.rows, a.columns, values: a.values.map { scale * $0 })
  }

  public static func - (a: Matrix, b: Matrix) -> Matrix {
    precondition(a.rows == b.rows && a.columns == b.columns, "BUG: shapes differ")
    return Matrix(a.rows, a.columns, values: zip(a.values, b.values).map { $0 - $1 })
  }

  /// Aᵀ·B.
  public func transposedTimes(_ other: Matrix) -> Matrix {
    var out = Matrix(zeros: columns, other.columns)
    out.add(self, times: other, transposingFirst: true)
    return out
  }

  /// A·Bᵀ.
  public func timesTransposed(_ other: Matrix) -> Matrix {
    var out = Matrix(zeros: rows, other.rows)
    out.add(self, times: other, transposingSecond: true)
    return out
  }

  /// Adds A·B, either of them transposed.
  public mutating func add(
    _ a: Matrix, times b: Matrix, transposingFirst transposeA: Bool = false,
    transposingSecond transposeB: Bool = false
  ) {
    let inner = transposeA ? a.rows : a.columns
    precondition(
      rows == (transposeA ? a.columns : a.rows) && columns == (transposeB ? b.rows : b.columns)
        && inner == (transposeB ? b.columns : b.rows), "BUG: shapes don't fit")
    guard rows > 0, columns > 0, inner > 0 else { return }
    let (m, n, k) = (Int32(rows), Int32(columns), Int32(inner))
    let (lda, ldb) = (Int32(a.columns), Int32(b.columns))
    serialBLAS()
    values.withUnsafeMutableBufferPointer { out in
      cblas_dgemm(
        CblasRowMajor, transposeA ? CblasTrans : CblasNoTrans, transposeB ? CblasTrans : CblasNoTrans, m, n,
        k, 1,
        a.values, lda, b.values, ldb, 1, out.baseAddress, n)
    }
  }

  /// Adds A·Aᵀ, or with `transposed` Aᵀ·A, to this symmetric matrix.
  public mutating func addGram(of a: Matrix, transposed: Bool = false) {
    let size = transposed ? a.columns : a.rows
    let inner = transposed ? a.rows : a.columns
    precondition(rows == size && columns == size, "BUG: shapes don't fit")
    guard size > 0, inner > 0 else { return }
    serialBLAS()
    values.withUnsafeMutableBufferPointer { out in
      cblas_dsyrk(
        CblasRowMajor, CblasUpper, transposed ? CblasTrans : CblasNoTrans, Int32(size), Int32(inner), 1,
        a.values,
        Int32(a.columns), 1, out.baseAddress, Int32(size))
      for row in 0..<size {
        for column in 0..<row { out[row * size + column] = out[column * size + row] }
      }
    }
  }
}

/// Makes OpenBLAS compute on the calling thread alone; to be called before it is used.
func serialBLAS() { _ = serial }

private let serial: Void = openblas_set_num_threads(1)
