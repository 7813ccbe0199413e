// Owns how what a map makes is compared with the end's own activations at its cut. It doesn't know networks: activations
// come as numbers.
public import NeuralNetworks

/// How far what a map makes, S, is from the end's own activations, T, over the same images.
public struct ActivationMatch: Sendable, Hashable {
  /// ‖S − T‖²_F / ‖T‖²_F (arXiv 2412.11299).
  public let structuralError: Double
  /// R² = 1 − ‖S − T‖²_F / ‖T − T̄‖²_F, T̄ each feature's mean over images and positions: 1 for the same, 0 for a map
  /// that gives nothing but the means, less for one that is farther off. Nil where no feature varies.
  public let r2: Double?
}

/// The sums that a match is made of, over images as they come.
public struct ActivationMatchSums {
  private let shape: ActivationShape
  private var difference = 0.0
  private var reference = 0.0
  /// Of each feature of T.
  private var sums: [Double]
  private var images = 0

  /// - Parameter shape: the end's activations at its cut, without the batch.
  public init(_ shape: ActivationShape) {
    self.shape = shape
    sums = [Double](repeating: 0, count: shape.features)
  }

  /// Adds some images: as many times the shape's values of S and of T.
  public mutating func add(_ made: UnsafeBufferPointer<Float>, _ own: UnsafeBufferPointer<Float>) {
    let norms = Loss.squaredNorms(made, own)
    difference += norms.difference
    reference += norms.reference
    let (features, positions) = (shape.features, shape.positions)
    images += own.count / shape.count
    sums.withUnsafeMutableBufferPointer { sums in
      for first in stride(from: 0, to: own.count, by: shape.count) {
        if shape.featuresLast {
          for position in 0..<positions {
            for feature in 0..<features {
              sums[feature] += Double(own[first + position * features + feature])
            }
          }
        } else {
          for feature in 0..<features {
            var sum = 0.0
            for i in 0..<positions { sum += Double(own[first + feature * positions + i]) }
            sums[feature] += sum
          }
        }
      }
    }
  }

  /// Adds one image by ‖S − T‖², ‖T‖² and the sum of each of T's features over its positions.
  mutating func add(difference: Double, reference: Double, featureSums: [Double]) {
    self.difference += difference
    self.reference += reference
    images += 1
    for (feature, sum) in featureSums.enumerated() { sums[feature] += sum }
  }

  /// - Parameter cut: what to call the place in an error.
  /// - Throws: `StitchingError` where S isn't finite, or T is all zero.
  public func match(at cut: Cut) throws -> ActivationMatch {
    guard difference.isFinite else {
      throw StitchingError("what the map makes for the end's '\(cut)' is not finite everywhere")
    }
    guard reference > 0 else {
      throw StitchingError("the end's activations at '\(cut)' are all zero; there is nothing to compare with")
    }
    let rows = Double(images * shape.positions)
    let variation = reference - sums.reduce(0) { $0 + $1 * $1 } / rows
    // The difference of two sums is right to about 1e-13 of them.
    return ActivationMatch(
      structuralError: difference / reference,
      r2: variation > 1e-10 * reference ? 1 - difference / variation : nil)
  }
}
