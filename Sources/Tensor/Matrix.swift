// Owns matrices of Double and their products, on OpenBLAS. Decompositions are in MatrixDecompositions.swift.
// Each product is divided into bands of rows by its shape alone, and OpenBLAS computes a band on one thread, so that
// bits don't depend on how many there are.
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
    let (n, k) = (Int32(columns), Int32(inner))
    let (lda, ldb) = (Int32(a.columns), Int32(b.columns))
    let (width, bands) = (columns, bands)
    serialBLAS()
    withPlaces(of: a, b) { a, b, out in
      Team.forEach(of: bands) { band in
        cblas_dgemm(
          CblasRowMajor, transposeA ? CblasTrans : CblasNoTrans, transposeB ? CblasTrans : CblasNoTrans,
          Int32(band.count), n, k, 1, a + band.lowerBound * (transposeA ? 1 : Int(lda)), lda, b, ldb, 1,
          out + band.lowerBound * width, n)
      }
    }
  }

  /// Adds A·Aᵀ, or with `transposed` Aᵀ·A, to this symmetric matrix.
  public mutating func addGram(of a: Matrix, transposed: Bool = false) {
    let size = transposed ? a.columns : a.rows
    let inner = transposed ? a.rows : a.columns
    precondition(rows == size && columns == size, "BUG: shapes don't fit")
    guard size > 0, inner > 0 else { return }
    let stride = transposed ? 1 : a.columns
    let (k, lda, bands) = (Int32(inner), Int32(a.columns), bands)
    serialBLAS()
    withPlaces(of: a, a) { a, _, out in
      // Of each band what is right of the diagonal, and then its mirror image.
      Team.forEach(of: bands) { band in
        let first = band.lowerBound
        cblas_dgemm(
          CblasRowMajor, transposed ? CblasTrans : CblasNoTrans, transposed ? CblasNoTrans : CblasTrans,
          Int32(band.count), Int32(size - first), k, 1, a + first * stride, lda, a + first * stride, lda, 1,
          out + first * size + first, Int32(size))
      }
      for row in 0..<size {
        for column in 0..<row { out[row * size + column] = out[column * size + row] }
      }
    }
  }

  /// Bands of rows, at most sixteen and none without reason small.
  private var bands: [Range<Int>] {
    let height = max(32, (rows + 15) / 16)
    return stride(from: 0, to: rows, by: height).map { $0..<min(rows, $0 + height) }
  }

  private mutating func withPlaces(
    of a: Matrix, _ b: Matrix,
    _ body: (UnsafePointer<Double>, UnsafePointer<Double>, UnsafeMutablePointer<Double>) -> Void
  ) {
    a.values.withUnsafeBufferPointer { a in
      b.values.withUnsafeBufferPointer { b in
        values.withUnsafeMutableBufferPointer { body(a.baseAddress!, b.baseAddress!, $0.baseAddress!) }
      }
    }
  }
}

extension Team {
  fileprivate static func forEach(of bands: [Range<Int>], _ body: @escaping (Range<Int>) -> Void) {
    forEach(bands.count) { band, _ in body(bands[band]) }
  }
}

/// Makes OpenBLAS compute on the calling thread alone; to be called before it is used.
func serialBLAS() { _ = serial }

private let serial: Void = openblas_set_num_threads(1)
