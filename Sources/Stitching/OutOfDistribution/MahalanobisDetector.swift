// Owns the cheap detector: one Gaussian of pooled activations.
public import NeuralNetworks
import Tensor

/// Minus the squared Mahalanobis distance from the mean of known activations, averaged over positions (Lee et al. 2018,
/// with one Gaussian for all classes), under a covariance that is shrunk towards a multiple of the identity by as much as
/// Ledoit & Wolf 2004 prove best: no number of samples is too small for the number of features.
public struct MahalanobisDetector: ActivationDetector, Sendable {
  /// How much of the covariance is the multiple of the identity, 0 … 1.
  public let shrinkage: Double
  private let shape: ActivationShape
  private let mean: [Double]
  /// Whitens from the right: features × features.
  private let whitening: Matrix

  /// - Parameter known: images whose activations at a cut of a model are known.
  /// - Throws: `StitchingError` where there are fewer than two, or their activations don't vary.
  public init(
    of model: Model, at cut: Cut, known: ActivationCache, isCancelled: () -> Bool = { false }
  ) throws {
    let shape = try model.architecture.shape(at: cut)
    var rows: [[Double]] = []
    let room = UnsafeMutableBufferPointer<Float>.allocate(capacity: FrozenNetwork.group * shape.count)
    room.initialize(repeating: 0)
    defer { room.deallocate() }
    for start in stride(from: 0, to: known.count, by: FrozenNetwork.group) {
      if isCancelled() { throw CancellationError() }
      let indices = Array(start..<min(start + FrozenNetwork.group, known.count))
      try known.fill([room], of: model, at: [.cut(cut)], for: indices)
      rows += pooled(UnsafeBufferPointer(room), shape, count: indices.count)
    }
    try self.init(rows, shape: shape, place: "'\(cut)' of the end")
  }

  /// - Parameters:
  ///   - rows: known vectors of features.
  ///   - place: what to call where they are from in an error.
  package init(_ rows: [[Double]], shape: ActivationShape, place: String) throws {
    self.shape = shape
    let (n, p) = (rows.count, shape.features)
    guard n >= 2 else {
      throw StitchingError("a Mahalanobis distance needs at least 2 known images, there are \(n)")
    }
    let mean = (0..<p).map { feature in rows.reduce(0) { $0 + $1[feature] } / Double(n) }
    self.mean = mean
    var x = Matrix(zeros: n, p)
    for (i, row) in rows.enumerated() { for j in 0..<p { x[i, j] = row[j] - mean[j] } }
    var covariance = Matrix(zeros: p, p)
    covariance.addGram(of: x, transposed: true)
    covariance = 1 / Double(n) * covariance
    // Ledoit & Wolf 2004, lemmas 3.2 and 3.4, with norms that aren't divided by p: d² = ‖S − μI‖², b² of the samples.
    let level = (0..<p).reduce(0) { $0 + covariance[$1, $1] } / Double(p)
    guard level > 0 else {
      throw StitchingError("the activations at \(place) are the same for all \(n) known images")
    }
    let d2 = max(0, covariance.squaredNorm - Double(p) * level * level)
    let fourth = (0..<n).reduce(0.0) { sum, i in
      let length = (0..<p).reduce(0.0) { $0 + x[i, $1] * x[i, $1] }
      return sum + length * length
    }
    let b2 = max(0, fourth / Double(n) - covariance.squaredNorm) / Double(n)
    let share = d2 > 0 ? min(1, b2 / d2) : 1
    shrinkage = share
    let (values, vectors) = try covariance.symmetricEigen()
    let shrunk = values.map { (1 - share) * max(0, $0) + share * level }
    guard shrunk[0] > 1e-12 * shrunk[p - 1] else {
      throw StitchingError(
        "the covariance of the activations at \(place) over \(n) known images is singular; take more images")
    }
    var whitening = vectors.transposed
    for i in 0..<p { for j in 0..<p { whitening[i, j] /= shrunk[j].squareRoot() } }
    self.whitening = whitening
  }

  public func scores(of values: UnsafeBufferPointer<Float>, count: Int) throws -> [Double] {
    let rows = pooled(values, shape, count: count).map { row in zip(row, mean).map { $0 - $1 } }
    let white = Matrix(count, shape.features, values: rows.flatMap { $0 }) * whitening
    return (0..<count).map { i in -(0..<shape.features).reduce(0) { $0 + white[i, $1] * white[i, $1] } }
  }
}

/// Each of some activations averaged over its positions: a vector of features.
private func pooled(
  _ values: UnsafeBufferPointer<Float>, _ shape: ActivationShape, count: Int
) -> [[Double]] {
  let (features, positions) = (shape.features, shape.positions)
  let (perFeature, perPosition) = shape.featuresLast ? (1, features) : (positions, 1)
  return (0..<count).map { row in
    (0..<features).map { feature in
      let first = row * shape.count + feature * perFeature
      var sum = 0.0
      for position in 0..<positions { sum += Double(values[first + position * perPosition]) }
      return sum / Double(positions)
    }
  }
}
