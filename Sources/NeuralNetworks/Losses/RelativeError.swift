// Owns the relative Frobenius error of activations, the term that hint and FuLA losses are made of.

extension Loss {
  /// ‖h − t‖_F / ‖t‖_F over the whole batch, unsquared (FuLA, arXiv 2505.20142).
  ///
  /// The gradient has length 1/‖t‖ however small h − t is. Where h and t are equal but for rounding, that would
  /// be a step of full length in a direction that two plans of the same network choose differently; so it is 0
  /// where ‖h − t‖ is at most `negligible` · ‖t‖. The loss is what it is.
  /// - Parameters:
  ///   - value: h, any layout.
  ///   - target: t, the same layout; a constant.
  ///   - gradient: as long as h.
  ///   - weight: what loss and gradient are multiplied by.
  ///   - layer: what to call the place in an error.
  /// - Throws: `NetworkError` where the target is all zero, or not finite.
  public static func relativeError(
    _ value: UnsafeBufferPointer<Float>, target: UnsafeBufferPointer<Float>,
    gradient: UnsafeMutableBufferPointer<Float>? = nil, weight: Double = 1, layer: @autoclosure () -> String
  ) throws -> Double {
    precondition(value.count == target.count, "BUG: \(target.count) targets for \(value.count) values")
    let (difference, reference) = squaredNorms(value, target)
    guard reference.isFinite else {
      throw NetworkError("the target activations at '\(layer())' are not all finite")
    }
    guard reference > 0 else {
      throw NetworkError(
        "the target activations at '\(layer())' are all zero, so no relative error can be computed there; "
          + "leave that layer out")
    }
    let loss = (difference / reference).squareRoot()
    if let gradient {
      // ∂/∂h ‖h−t‖/‖t‖ = (h−t) / (‖h−t‖ ‖t‖)
      let factor = loss > negligible ? Float(weight / (difference * reference).squareRoot()) : 0
      for i in 0..<value.count { gradient[i] = factor * (value[i] - target[i]) }
    }
    return weight * loss
  }

  /// Up to this share of ‖t‖, h − t is taken for rounding: 64ε, 7.6e-6. A value is a sum of up to about a thousand
  /// products, each rounded by at most ε/2, which makes some √1000 · ε/2 ≈ 16ε; two plans and the layers behind one
  /// another add such errors as independent ones. Two plans of a ResNet-20, its batch norms folded in one of them,
  /// differ by less than 16ε; fits between networks leave a thousand times 64ε.
  package static let negligible = 64 * Double(Float.ulpOfOne)

  /// ‖a − b‖² and ‖b‖², summed in Double: sixteen running sums over blocks of 4096, block after block.
  public static func squaredNorms(
    _ a: UnsafeBufferPointer<Float>, _ b: UnsafeBufferPointer<Float>
  ) -> (difference: Double, reference: Double) {
    var difference = 0.0
    var reference = 0.0
    let count = a.count
    guard count > 0 else { return (0, 0) }
    let (a, b) = (UnsafeRawPointer(a.baseAddress!), UnsafeRawPointer(b.baseAddress!))
    var start = 0
    while start < count {
      let end = min(start + 4096, count)
      var d = SIMD16<Double>(repeating: 0)
      var r = SIMD16<Double>(repeating: 0)
      var i = start
      while i + 16 <= end {
        let x = SIMD16<Double>(a.loadUnaligned(fromByteOffset: 4 * i, as: SIMD16<Float>.self))
        let y = SIMD16<Double>(b.loadUnaligned(fromByteOffset: 4 * i, as: SIMD16<Float>.self))
        d += (x - y) * (x - y)
        r += y * y
        i += 16
      }
      while i < end {
        let x = Double(a.load(fromByteOffset: 4 * i, as: Float.self))
        let y = Double(b.load(fromByteOffset: 4 * i, as: Float.self))
        d[i % 16] += (x - y) * (x - y)
        r[i % 16] += y * y
        i += 1
      }
      difference += d.sum()
      reference += r.sum()
      start = end
    }
    return (difference, reference)
  }
}
