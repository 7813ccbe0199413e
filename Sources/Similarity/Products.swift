// Owns the products of centred representations that measures share: the Gram matrix, the cross product of a pair.
import Tensor

extension Prepared {
  /// The Gram matrix XXᵀ, n × n, of centred X.
  func gram() throws -> Matrix {
    try requireFewRows()
    return shared("gram", doubles: n * n) {
      var out = Matrix(zeros: n, n)
      for range in columnBlocks { out.addGram(of: columns(range)) }
      return out
    }
  }

  /// ‖XᵀX‖_F = ‖XXᵀ‖_F, by the smaller of the two.
  func gramNorm() throws -> Double {
    if p > n {
      let gram = try gram()
      return shared("gram norm") { gram.squaredNorm.squareRoot() }
    }
    return shared("feature gram norm") {
      var out = Matrix(zeros: p, p)
      for range in rowBlocks() { out.addGram(of: rows(range), transposed: true) }
      return out.squaredNorm.squareRoot()
    }
  }

  /// A matrix F, n × r, r ≤ n, with FFᵀ = XXᵀ: X itself, or of a wide one what is left when its features are rotated.
  /// Products of such matrices have the singular values that those of the representations have.
  func factor() throws -> Matrix {
    if p <= n { return shared("factor", doubles: n * p) { rows(0..<n) } }
    let (values, vectors) = try gramEigen()
    return shared("factor", doubles: n * n) {
      // The smallest eigenvalue is rounding: centred columns sum to 0.
      let kept = values.indices.filter { values[$0] > values[n - 1] * 1e-14 }
      var out = Matrix(zeros: n, kept.count)
      for (column, i) in kept.enumerated() {
        let root = values[i].squareRoot()
        for row in 0..<n { out[row, column] = vectors[i, row] * root }
      }
      return out
    }
  }

  /// The eigenvalues of the Gram matrix, ascending, and its eigenvectors as rows.
  func gramEigen() throws -> (values: [Double], vectors: Matrix) {
    let gram = try gram()
    return try shared("gram eigen", doubles: n * n + n) { try gram.symmetricEigen() }
  }

  /// What compares every two samples has a matrix of them.
  /// - Throws: `SimilarityError` where that is out of all proportion.
  func requireFewRows() throws {
    guard n <= 20_000 else {
      throw SimilarityError(
        "\(name) has \(n) rows, and every two are compared: take at most 20000 of them, with 'rows'")
    }
  }
}

extension Comparison {
  /// XᵀY, p × q.
  func cross() throws -> Matrix {
    guard x.p * y.p <= 1 << 27 else {
      throw SimilarityError(
        "every of \(x.name)'s \(x.p) features is compared with every of \(y.name)'s \(y.p): take fewer, with layout "
          + "'pool' or 'space_as_samples'")
    }
    return shared("cross", doubles: x.p * y.p) {
      var out = Matrix(zeros: x.p, y.p)
      for range in x.rowBlocks(beside: y.p) {
        out.add(x.rows(range), times: y.rows(range), transposingFirst: true)
      }
      return out
    }
  }

  /// FᵀG of factors of both, whose singular values are those of XᵀY.
  func factorCross() throws -> Matrix {
    if x.p <= n, y.p <= n { return try cross() }
    let (f, g) = (try x.factor(), try y.factor())
    return shared("factor cross", doubles: f.columns * g.columns) { f.transposedTimes(g) }
  }

  /// ‖XᵀY‖_*.
  func crossNuclearNorm() throws -> Double {
    let cross = try factorCross()
    return try shared("cross nuclear norm") { try cross.nuclearNorm() }
  }

  /// ‖XᵀY‖²_F = ⟨XXᵀ, YYᵀ⟩, by the smaller of the two.
  func squaredCrossNorm() throws -> Double {
    if max(x.p, y.p) <= n {
      let cross = try cross()
      return shared("squared cross norm") { cross.squaredNorm }
    }
    let (k, l) = (try x.gram(), try y.gram())
    return shared("gram product") { dot(k.values, l.values) }
  }
}

/// The inner product, added up in one order.
func dot(_ a: [Double], _ b: [Double]) -> Double {
  precondition(a.count == b.count, "BUG: \(a.count) and \(b.count) numbers")
  return a.withUnsafeBufferPointer { a in
    b.withUnsafeBufferPointer { b in
      var sums = SIMD8<Double>.zero
      let whole = a.count / 8 * 8
      for i in stride(from: 0, to: whole, by: 8) {
        let u = UnsafeRawPointer(a.baseAddress! + i).loadUnaligned(as: SIMD8<Double>.self)
        let v = UnsafeRawPointer(b.baseAddress! + i).loadUnaligned(as: SIMD8<Double>.self)
        sums += u * v
      }
      var sum = sums.sum()
      for i in whole..<a.count { sum += a[i] * b[i] }
      return sum
    }
  }
}
