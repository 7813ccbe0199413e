// Owns the shortening of gradients that are too long.

import CKernels

extension ParameterGradients {
  /// The Euclidean norm of all of them together, summed in Double in a fixed order.
  public var norm: Double {
    // Gaps between tensors are zero.
    kernels_sum_of_squares(Int64(parameters.trainedCount), values).squareRoot()
  }

  /// Shortens the whole gradient to `limit` where it is longer (Pascanu et al. 2013; torch.nn.utils.clip_grad_norm_,
  /// whose 1e-6 under the fraction is kept).
  /// - Returns: the norm before.
  @discardableResult
  public func clip(to limit: Double) -> Double {
    let norm = norm
    let factor = Float(min(limit / (norm + 1e-6), 1))
    if factor < 1 {
      kernels_scale(Int64(parameters.trainedCount), factor, UnsafeMutablePointer(mutating: values))
    }
    return norm
  }
}
