// Owns the attack: projected gradient descent on the input. It deliberately doesn't know what network it
// attacks; stitched ones are attacked whole.

import CKernels
import Tensor

/// PGD within a ball around each image (Madry et al. 2018).
public struct Attack: Sendable, Hashable {
  public typealias Norm = Ball.Norm

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
        "epsilon \(epsilon) and step size \(stepSize) must be "
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
      let ball = Ball(checked: norm, radius: epsilon)
      for first in stride(from: 0, to: images.count, by: size) {
        ball.scatter(
          UnsafeMutableBufferPointer(rebasing: images[first..<(first + size)]), by: draws, at: UInt64(first))
      }
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
        Ball(checked: norm, radius: epsilon).project(
          UnsafeMutableBufferPointer(rebasing: x[image]),
          around: UnsafeMutableBufferPointer(rebasing: clean[image]))
      }
    }
  }
}
