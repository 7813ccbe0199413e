// Owns least squares of one activation's rows on another's.
import Tensor

/// A least-squares map of rows, Y ≈ [X 1]·A.
package struct LeastSquares {
  /// A, (inputs + 1) × outputs; its last row is the bias.
  package let solution: Matrix
  /// Directions of [X 1] that were kept, of inputs + 1.
  package let rank: Int
  /// The share of the largest singular value of [X 1] up to which directions were dropped.
  package let tolerance: Double

  /// A = pinv([X 1])·Y, the solution of least norm, by the eigendecomposition of [X 1]ᵀ[X 1]: its eigenvalues are
  /// the squares of the singular values σ of [X 1].
  ///
  /// An eigenvalue is right to about 1e-16 of the largest: measured on up to 524,288 rows and 129 directions, a
  /// singular value is right to 1e-5 of itself where it is 1e-6 of the largest, to 1e-3 at 1e-7, and means nothing
  /// below 1e-8. Float32 activations, sums of products themselves, are rounding from about 1e-6 on; hence
  /// `RankTolerance.floor`, above which the solution is off by less than its rounding to Float32. (A QR of the rows
  /// would do without squares, but couldn't be shared by all pairs of cuts, as sums over rows can.)
  package init(_ statistics: RowStatistics, tolerance: RankTolerance) throws {
    let limit = try tolerance.value(rows: statistics.rows, columns: statistics.gram.rows)
    let (eigenvalues, vectors) = try statistics.gramEigen()
    let largest = max(0, eigenvalues.last!).squareRoot()
    var projected = vectors * statistics.cross
    var rank = 0
    for (row, value) in eigenvalues.enumerated() {
      let keeps = max(0, value).squareRoot() > limit * largest
      rank += keeps ? 1 : 0
      for column in 0..<projected.columns { projected[row, column] *= keeps ? 1 / value : 0 }
    }
    solution = vectors.transposedTimes(projected)
    self.rank = rank
    self.tolerance = limit
  }
}
