// Owns the family of maps of few weights.
public import Tensor

/// Any map, at a price for its weights: what is fitted has λ·Σ|W| added; the bias is free.
///
/// In closed form ½‖S − T‖²/‖T‖² + λ·Σ|W| is made least by coordinate descent (Friedman et al. 2010), so that a λ means
/// the same whatever the scale of the end's activations; with λ = 0 it is least squares. In training λ·Σ|W| is added to
/// the loss, and weights that would change sides in a step stop at zero (as in Andrew & Gao 2007): they leave it only
/// where the loss's slope is steeper than λ.
public struct SparseFamily: MapFamily {
  /// λ, at least 0.
  public var lambda: Double

  public init(lambda: Double) {
    precondition(lambda >= 0, "BUG: a λ of \(lambda)")
    self.lambda = lambda
  }

  public var name: String { "an L1-sparse map" }
  public var countsDirections: Bool { lambda == 0 }

  /// Passes over all weights, after which it gives up.
  private static let longest = 20_000

  public func closedForm(_ statistics: RowStatistics, tolerance: RankTolerance) throws -> ClosedForm {
    guard lambda > 0 else { return try AffineFamily().closedForm(statistics, tolerance: tolerance) }
    let gram = statistics.inputGram(centred: true)
    let products = statistics.inputsTimesOutputs(centred: true)
    let threshold = lambda * statistics.outputSquaredNorm
    let (inputs, outputs) = (statistics.inputs, statistics.outputs)
    guard (gram.values + products.values).allSatisfy(\.isFinite) else {
      throw StitchingError("the squares of the activations are too large for numbers")
    }
    // A constant input's squares less their mean are rounding.
    let isConstant = (0..<inputs).map { gram[$0, $0] <= 1e-12 * statistics.gram[$0, $0] }
    var weights = Matrix(zeros: inputs, outputs)
    for output in 0..<outputs {
      // Xᵀ(y − Xw), of columns less their means.
      var rest = (0..<inputs).map { products[$0, output] }
      var w = [Double](repeating: 0, count: inputs)
      let enough = 1e-8 * statistics.outputSquares[output].squareRoot()
      var passes = 0
      var change = Double.infinity
      while change > enough {
        guard passes < Self.longest else {
          throw StitchingError(
            "\(name) with λ = \(lambda) isn't found in \(Self.longest) passes over its weights; take a larger λ, or "
              + "more samples")
        }
        passes += 1
        change = 0
        for i in 0..<inputs where !isConstant[i] {
          let scale = gram[i, i]
          let moved = shrunk(rest[i] + scale * w[i], by: threshold) / scale
          let step = moved - w[i]
          guard step != 0 else { continue }
          w[i] = moved
          for k in 0..<inputs { rest[k] -= step * gram[k, i] }
          change = max(change, abs(step) * scale.squareRoot())
        }
      }
      for i in 0..<inputs { weights[i, output] = w[i] }
    }
    return ClosedForm(solution: statistics.solution(weights, withBias: true))
  }

  public var canMoveAnywhere: Bool { lambda == 0 }

  /// The gradient with the price's own, ±λ; of a weight that is zero what is left beyond λ.
  public func slopeWithin(_ gradient: Matrix, at weight: Matrix) throws -> Matrix {
    Matrix(
      weight.rows, weight.columns,
      values: zip(gradient.values, weight.values).map { gradient, weight in
        weight > 0 ? gradient + lambda : weight < 0 ? gradient - lambda : shrunk(gradient, by: lambda)
      })
  }

  /// A weight that has changed sides is zero; one that was zero only leaves against its slope.
  public func broughtBack(_ moved: Matrix, from weight: Matrix, along slope: Matrix) throws -> Matrix {
    Matrix(
      weight.rows, weight.columns,
      values: moved.values.indices.map { i in
        let side = weight.values[i] != 0 ? weight.values[i] : -slope.values[i]
        return moved.values[i] * side > 0 ? moved.values[i] : 0
      })
  }

  /// Nearer to zero, and not beyond.
  private func shrunk(_ value: Double, by amount: Double) -> Double {
    value > amount ? value - amount : value < -amount ? value + amount : 0
  }
}
