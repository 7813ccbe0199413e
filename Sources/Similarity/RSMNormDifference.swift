// Owns the norm of the difference of two matrices of distances.
import Tensor

extension Measure {
  public static let rsmNormDifference = Measure(
    name: "rsm_norm_difference", resi: "RSMDiff",
    summary: "spectral norm of the difference of the distances of samples, in the activations' own units",
    formula: "‖D_X − D_Y‖₂, Dᵢⱼ the Euclidean distance of samples i and j",
    citation:
      "Klabunde et al., Similarity of Neural Network Models: A Survey, 2023 (after Shahbazi et al. 2021; Yin & Shen 2018)",
    .distance, 0 ... .infinity, invariances: [.orthogonal, .translation, .permutation]
  ) { pair, _ in
    let (a, b) = (try pair.x.distances(), try pair.y.distances())
    return try pair.shared("rsm norm difference") {
      var at = 0
      let difference = SamplePairs(diagonal: a.diagonal) { _, _ in
        defer { at += 1 }
        return a.values[at] - b.values[at]
      }
      return try spectralNorm(difference.matrix)
    }
  }
}

/// The largest |λ| of a symmetric matrix: of a large one by Lanczos's method with full orthogonalisation, until the
/// residual, which bounds the error, is 1e-11 of it.
private func spectralNorm(_ a: Matrix) throws -> Double {
  let n = a.rows
  func largest(_ a: Matrix) throws -> (value: Double, vector: [Double]) {
    let (values, vectors) = try a.symmetricEigen()
    let i = abs(values[0]) > values[a.rows - 1] ? 0 : a.rows - 1
    return (abs(values[i]), Array(vectors.values[(i * a.rows)..<((i + 1) * a.rows)]))
  }
  if n <= 64 { return try largest(a).value }
  // Any start does that isn't at right angles to the eigenvector sought; what is nearly constant is often near it.
  var v = (0..<n).map {
    1 + 0.5 * ((Double($0) * 0.618033988749895).truncatingRemainder(dividingBy: 1) - 0.5)
  }
  var (basis, diagonal, beside) = ([[Double]](), [Double](), [Double]())
  var length = dot(v, v).squareRoot()
  while true {
    v = v.map { $0 / length }
    basis.append(v)
    var w = product(a, v)
    diagonal.append(dot(w, v))
    for _ in 0..<2 {
      for u in basis {
        let along = dot(w, u)
        for i in 0..<n { w[i] -= along * u[i] }
      }
    }
    length = dot(w, w).squareRoot()
    let m = basis.count
    if m % 8 == 0 || m == n || length == 0 {
      var small = Matrix(zeros: m, m)
      for i in 0..<m { small[i, i] = diagonal[i] }
      for i in 0..<(m - 1) { (small[i, i + 1], small[i + 1, i]) = (beside[i], beside[i]) }
      let (value, vector) = try largest(small)
      if m == n || length * abs(vector[m - 1]) <= value * 1e-11 { return value }
    }
    beside.append(length)
    v = w
  }
}

/// A·v, each row's sum in one order.
private func product(_ a: Matrix, _ v: [Double]) -> [Double] {
  let n = a.columns
  return a.values.withUnsafeBufferPointer { values in
    v.withUnsafeBufferPointer { v in
      (0..<a.rows).map { row in
        var sums = SIMD8<Double>.zero
        let whole = n / 8 * 8
        for i in stride(from: 0, to: whole, by: 8) {
          let x = UnsafeRawPointer(values.baseAddress! + row * n + i).loadUnaligned(as: SIMD8<Double>.self)
          sums += x * UnsafeRawPointer(v.baseAddress! + i).loadUnaligned(as: SIMD8<Double>.self)
        }
        var sum = sums.sum()
        for i in whole..<n { sum += values[row * n + i] * v[i] }
        return sum
      }
    }
  }
}
