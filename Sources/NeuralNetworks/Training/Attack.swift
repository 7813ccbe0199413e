// Owns the attack: projected gradient descent on the input. It deliberately doesn't know what network it
// attacks; stitched ones are attacked whole.

import CKernels
import Tensor

/// PGD within a ball around each image (Madry et al. 2018).
public struct Attack: Sendable, Hashable {
  /// What the ball is one of.
  public enum Norm: String, Sendable, Hashable, CaseIterable {
    /// L∞: each pixel moves by at most ε, in steps along the gradient's sign.
    case linf
    /// L2: the whole image moves by at most ε, in steps along the gradient.
    case l2
  }

  /// The ball's norm.
  public var norm: Norm
  /// The ball's radius, in pixels of [0, 1].
  public var epsilon: Float
  /// How far each step moves: every pixel in L∞, the image in L2.
  public var stepSize: Float
  /// The number of steps.
  public var steps: Int
  /// Whether it starts at a random place of the ball instead of the image.
  public var randomStart: Bool

  /// An attack of the given size.
  /// - Throws: `NetworkError` where a value isn't sensible.
  public init(
    norm: Norm = .linf, epsilon: Float, stepSize: Float, steps: Int, randomStart: Bool = false
  ) throws {
    guard epsilon >= 0, epsilon.isFinite, stepSize >= 0, stepSize.isFinite, steps >= 0,
      norm != .linf || epsilon <= 1 && stepSize <= 1
    else {
      throw NetworkError(
        "attack: epsilon \(epsilon) and step size \(stepSize) must be "
          + (norm == .linf ? "in [0, 1]" : "at least 0") + ", steps \(steps) at least 0")
    }
    self.norm = norm
    self.epsilon = epsilon
    self.stepSize = stepSize
    self.steps = steps
    self.randomStart = randomStart
  }

  /// Moves images so as to raise the cross-entropy of their labels.
  ///
  /// - Parameters:
  ///   - plan: a plan that wants the input's gradient, taken at its output; frozen with running statistics.
  ///     Its input holds the attacked images afterwards too.
  ///   - images: as many as the plan's batch, NCHW in [0, 1]; attacked in place.
  ///   - labels: one per image.
  ///   - clean: room for as many floats as `images`.
  ///   - draws: what random starts are drawn from; needed where the attack has one.
  public func perturb(
    _ plan: Plan, images: UnsafeMutableBufferPointer<Float>, labels: UnsafeBufferPointer<Int32>,
    clean: UnsafeMutableBufferPointer<Float>, draws: Philox? = nil
  ) throws {
    try perturb(plan, images: images, clean: clean, draws: draws) {
      _ = Loss.crossEntropy(plan.logits, labels: labels, gradient: plan.logitsGradient)
    }
  }

  /// Moves images so as to raise a loss, whose gradient by the plan's logits `writeGradient` writes where the plan takes
  /// it.
  func perturb(
    _ plan: Plan, images: UnsafeMutableBufferPointer<Float>, clean: UnsafeMutableBufferPointer<Float>,
    draws: Philox?, writeGradient: () throws -> Void
  ) throws {
    precondition(images.count == plan.input.count, "BUG: \(images.count) floats for \(plan.inputShape)")
    _ = clean.update(fromContentsOf: images)
    let size = images.count / plan.batch
    if randomStart {
      guard let draws else { preconditionFailure("BUG: nothing to draw a random start from") }
      start(images, clean: clean, size: size, draws: draws)
    }
    for _ in 0..<steps {
      _ = plan.input.update(fromContentsOf: images)
      try plan.forward()
      try writeGradient()
      try plan.backward()
      step(images, gradient: plan.inputGradient, clean: clean, size: size)
    }
    _ = plan.input.update(fromContentsOf: images)
  }

  /// One step of every image, then into its ball, then into [0, 1].
  /// - Parameters:
  ///   - x: images, attacked in place.
  ///   - gradient: that of the loss.
  ///   - clean: the images as they were.
  ///   - size: values in one image.
  public func step(
    _ x: UnsafeMutableBufferPointer<Float>, gradient: UnsafeBufferPointer<Float>,
    clean: UnsafeMutableBufferPointer<Float>, size: Int
  ) {
    switch norm {
    case .linf:
      kernels_sign_step(
        Int64(x.count), x.baseAddress!, gradient.baseAddress!, clean.baseAddress!, stepSize, epsilon)
    case .l2:
      for first in stride(from: 0, to: x.count, by: size) {
        let image = first..<(first + size)
        let length = image.reduce(0.0) { $0 + Double(gradient[$1]) * Double(gradient[$1]) }.squareRoot()
        let along = length > 0 ? Float(Double(stepSize) / length) : 0
        for i in image { x[i] += along * gradient[i] }
        project(x, clean: clean, image)
      }
    }
  }

  /// Draws each image's start: in L∞ every pixel's move uniform within ±ε, in L2 a direction that is uniform on the
  /// sphere and a length uniform in [0, ε].
  private func start(
    _ x: UnsafeMutableBufferPointer<Float>, clean: UnsafeMutableBufferPointer<Float>, size: Int, draws: Philox
  ) {
    for first in stride(from: 0, to: x.count, by: size) {
      let image = first..<(first + size)
      switch norm {
      case .linf:
        for i in image {
          let moved = clean[i] + epsilon * (2 * draws.uniform(at: UInt64(i)) - 1)
          x[i] = min(max(moved, 0), 1)
        }
      case .l2:
        let direction = image.map { draws.normal(at: UInt64($0)) }
        let length = direction.reduce(0) { $0 + $1 * $1 }.squareRoot()
        let scale = Double(epsilon) * Double(draws.uniform(at: UInt64(first / size))) / length
        for (i, d) in zip(image, direction) { x[i] = clean[i] + Float(scale * d) }
        project(x, clean: clean, image)
      }
    }
  }

  /// Into the L2 ball, then into [0, 1], which is no farther from the image.
  private func project(
    _ x: UnsafeMutableBufferPointer<Float>, clean: UnsafeMutableBufferPointer<Float>, _ image: Range<Int>
  ) {
    let length = image.reduce(0.0) { $0 + Double(x[$1] - clean[$1]) * Double(x[$1] - clean[$1]) }
      .squareRoot()
    let scale = length > Double(epsilon) ? Float(Double(epsilon) / length) : 1
    for i in image { x[i] = min(max(clean[i] + scale * (x[i] - clean[i]), 0), 1) }
  }
}
