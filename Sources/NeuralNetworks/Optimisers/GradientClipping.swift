// Owns the shortening of gradients that are too long.

extension ParameterGradients {
  /// The Euclidean norm of all of them together, summed in Double in a fixed order.
  public var norm: Double {
    // Sixteen sums side by side, so that the loop vectorises; gaps between tensors are zero.
    var sums = SIMD16<Double>(repeating: 0)
    let raw = UnsafeRawPointer(values)
    for i in stride(from: 0, to: parameters.trainedCount, by: 16) {
      let g = SIMD16<Double>(raw.load(fromByteOffset: 4 * i, as: SIMD16<Float>.self))
      sums += g * g
    }
    return sums.sum().squareRoot()
  }

  /// Shortens the whole gradient to `limit` where it is longer (Pascanu et al. 2013; torch.nn.utils.clip_grad_norm_,
  /// whose 1e-6 under the fraction is kept).
  /// - Returns: the norm before.
  @discardableResult
  public func clip(to limit: Double) -> Double {
    let norm = norm
    let factor = Float(min(limit / (norm + 1e-6), 1))
    if factor < 1 {
      let g = UnsafeMutablePointer(mutating: values)
      for i in 0..<parameters.trainedCount { g[i] *= factor }
    }
    return norm
  }
}
