// Owns the ball around an image that an attack may move it in: what is inside, and random points of it.

import Tensor

/// Images no farther than a radius from a given one, and in [0, 1].
public struct Ball: Sendable, Hashable {
  /// How far two images are from each other.
  public enum Norm: String, Sendable, Hashable, CaseIterable {
    /// L∞: the largest change of a pixel; steps go along the gradient's sign.
    case linf
    /// L2: the root of the sum of squares over all pixels; steps go along the gradient.
    case l2
  }

  public var norm: Norm
  /// In pixels of [0, 1].
  public var radius: Float

  /// A ball.
  /// - Throws: `NetworkError` where the radius isn't sensible.
  public init(_ norm: Norm, radius: Float) throws {
    guard radius >= 0, radius.isFinite, norm == .l2 || radius <= 1 else {
      throw NetworkError(
        "epsilon is \(radius); it is to be \(norm == .linf ? "in [0, 1]" : "at least 0")")
    }
    self.norm = norm
    self.radius = radius
  }

  /// A ball whose radius is known to be sensible.
  init(checked norm: Norm, radius: Float) { (self.norm, self.radius) = (norm, radius) }

  /// Moves one image to the nearest point of the ball around `clean`, then into [0, 1], which is no farther from it.
  func project(_ x: UnsafeMutableBufferPointer<Float>, around clean: UnsafeMutableBufferPointer<Float>) {
    switch norm {
    case .linf:
      for i in x.indices { x[i] = min(max(min(max(x[i], clean[i] - radius), clean[i] + radius), 0), 1) }
    case .l2:
      let length = x.indices.reduce(0.0) {
        let d = Double(x[$1] - clean[$1])
        return $0 + d * d
      }.squareRoot()
      let factor = length > Double(radius) ? Float(Double(radius) / length) : 1
      for i in x.indices { x[i] = min(max(clean[i] + factor * (x[i] - clean[i]), 0), 1) }
    }
  }

  /// Moves one image to a random point: in L∞ every pixel uniformly within the radius, in L2 as far as the radius in a
  /// direction that is uniform on the sphere, where nearly all of a ball of so many dimensions is; then into [0, 1].
  /// - Parameter first: the counter of the first pixel's draw.
  func scatter(_ x: UnsafeMutableBufferPointer<Float>, by draws: Philox, at first: UInt64) {
    switch norm {
    case .linf:
      for i in x.indices {
        x[i] = min(max(x[i] + radius * (2 * draws.uniform(at: first + UInt64(i)) - 1), 0), 1)
      }
    case .l2:
      let direction = x.indices.map { draws.normal(at: first + UInt64($0)) }
      let length = direction.reduce(0) { $0 + $1 * $1 }.squareRoot()
      for i in x.indices { x[i] = min(max(x[i] + Float(Double(radius) * direction[i] / length), 0), 1) }
    }
  }
}
