// Owns orthonormal bases of what representations span, and how those of a pair lie to one another: what canonical
// correlations and their like share.
import Tensor

/// The part of a singular value decomposition that measures share: X = UΣVᵀ, directions of rank r.
struct LeftBasis {
  /// U, n × r.
  let directions: Matrix
  /// σ, descending, r of them.
  let values: [Double]

  var rank: Int { values.count }
}

extension Prepared {
  /// Directions of less than this share of the largest singular value are rounding of float32, and don't count.
  private static let tolerance = 1e-6

  /// An orthonormal basis of X's columns, and X's singular values.
  func leftBasis() throws -> LeftBasis {
    if p > n {
      let (values, vectors) = try gramEigen()
      return shared("left basis", doubles: n * n) {
        let sigma = values.map { max(0, $0).squareRoot() }
        let rank = sigma.count { $0 > sigma[n - 1] * Self.tolerance }
        return LeftBasis(
          directions: Matrix(rank, n, values: (0..<rank).flatMap { vectors.row(n - 1 - $0) }).transposed,
          values: (0..<rank).map { sigma[n - 1 - $0] })
      }
    }
    guard n * p <= 1 << 27 else {
      throw SimilarityError(
        "\(name) is \(n) × \(p), too large to be decomposed: take fewer rows, with 'rows'")
    }
    return try shared("left basis", doubles: n * p) {
      let (u, sigma, _) = try rows(0..<n).singularValueDecomposition()
      let rank = sigma.count { $0 > sigma[0] * Self.tolerance }
      return LeftBasis(directions: u.leading(columns: rank), values: Array(sigma[..<rank]))
    }
  }

  /// The basis, where it leaves something open of n samples.
  /// - Throws: `SimilarityError` where any representation lies in it, so that a comparison says nothing.
  func properBasis() throws -> LeftBasis {
    let basis = try leftBasis()
    guard basis.rank < n - 1 else {
      throw SimilarityError(
        "\(name) has rank \(basis.rank) on \(n) samples, so that every other representation of them is a linear "
          + "function of it; take more samples than features, or fewer features with layout 'pool'")
    }
    return basis
  }
}

extension Comparison {
  /// U_XᵀU_Y, r × s, of the bases of both.
  func basisCross() throws -> Matrix {
    let (u, v) = (try x.leftBasis().directions, try y.leftBasis().directions)
    return shared("basis cross", doubles: u.columns * v.columns) { u.transposedTimes(v) }
  }

  /// Canonical correlations ρ of X and Y, descending, as many as the smaller rank.
  func canonicalCorrelations() throws -> [Double] {
    _ = (try x.properBasis(), try y.properBasis())
    let cross = try basisCross()
    return try shared("canonical correlations", doubles: cross.rows) {
      try cross.singularValues().map { min(1, $0) }
    }
  }
}

extension Matrix {
  fileprivate func row(_ i: Int) -> ArraySlice<Double> { values[i * columns..<(i + 1) * columns] }

  /// Its first `count` columns.
  func leading(columns count: Int) -> Matrix {
    if count == columns { return self }
    return Matrix(rows, count, values: (0..<rows).flatMap { row($0).prefix(count) })
  }

  /// Its first `count` rows.
  func leading(rows count: Int) -> Matrix {
    Matrix(count, columns, values: Array(values[..<(count * columns)]))
  }
}
