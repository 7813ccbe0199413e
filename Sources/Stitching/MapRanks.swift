// Owns how many directions a map uses.
public import NeuralNetworks
import Tensor

/// The ranks of a map's weight W, outputs × inputs; its bias is none of them.
public struct MapRanks: Sendable, Hashable {
  /// How many singular values of W are above max(outputs, inputs) · 2⁻²³ of the largest: what rounding to Float32 leaves
  /// of zeros is below (the default of torch.linalg.matrix_rank).
  public let affine: Int
  /// exp of the entropy of p = σ / Σσ (Roy & Vetterli 2007): as many as are used if all were used alike. 0 for W = 0.
  public let effective: Double

  public init(_ map: StitchingLayer) throws {
    let (outputs, inputs) = (map.output.features, map.input.features)
    let values = try Matrix(outputs, inputs, values: map.weight.values.map(Double.init)).singularValues()
    let limit = Double(max(outputs, inputs)) * 0x1p-23 * (values.first ?? 0)
    affine = values.count { $0 > limit }
    let sum = values.reduce(0, +)
    let entropy = values.reduce(0.0) { entropy, value in
      value > 0 ? entropy - value / sum * Elementary.log(value / sum) : entropy
    }
    effective = sum > 0 ? Elementary.exp(entropy) : 0
  }
}
