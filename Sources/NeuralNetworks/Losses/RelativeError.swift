// Owns the relative Frobenius error of activations, the term that hint and FuLA losses are made of.

import CKernels

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
    let (loss, factor) = try relativeError(
      difference: difference, reference: reference, weight: weight, layer: layer())
    if let gradient, let a = value.baseAddress, let b = target.baseAddress {
      kernels_scaled_difference(Int64(value.count), factor, a, b, gradient.baseAddress!)
    }
    return loss
  }

  /// The same from ‖h − t‖² and ‖t‖²; with it what h − t is multiplied by to be the gradient.
  package static func relativeError(
    difference: Double, reference: Double, weight: Double, layer: @autoclosure () -> String
  ) throws -> (loss: Double, factor: Float) {
    guard reference.isFinite else {
      throw NetworkError("the target activations at '\(layer())' are not all finite")
    }
    guard reference > 0 else {
      throw NetworkError(
        "the target activations at '\(layer())' are all zero, so no relative error can be computed there; "
          + "leave that layer out")
    }
    let loss = (difference / reference).squareRoot()
    // ∂/∂h ‖h−t‖/‖t‖ = (h−t) / (‖h−t‖ ‖t‖)
    let factor = loss > negligible ? Float(weight / (difference * reference).squareRoot()) : 0
    return (weight * loss, factor)
  }

  /// Up to this share of ‖t‖, h − t is taken for rounding: 64ε, 7.6e-6. A value is a sum of up to about a thousand
  /// products, each rounded by at most ε/2, which makes some √1000 · ε/2 ≈ 16ε; two plans and the layers behind one
  /// another add such errors as independent ones. Two plans of a ResNet-20, its batch norms folded in one of them,
  /// differ by less than 16ε; fits between networks leave a thousand times 64ε.
  package static let negligible = 64 * Double(Float.ulpOfOne)

  /// ‖a − b‖² and ‖b‖², summed in Double.
  public static func squaredNorms(
    _ a: UnsafeBufferPointer<Float>, _ b: UnsafeBufferPointer<Float>
  ) -> (difference: Double, reference: Double) {
    guard let x = a.baseAddress, let y = b.baseAddress else { return (0, 0) }
    return (
      kernels_squared_distance(Int64(a.count), x, y), kernels_squared_norm(Int64(a.count), y)
    )
  }
}
