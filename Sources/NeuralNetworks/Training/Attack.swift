// Owns the attack: projected gradient descent on the input. It deliberately doesn't know what network it
// attacks; stitched ones are attacked whole.

/// PGD within an L∞ ball (Madry et al. 2018), without a random start.
public struct Attack: Sendable, Hashable, Codable {
  /// The ball's radius, in pixels of [0, 1].
  public var epsilon: Float
  /// How far each step moves every pixel.
  public var stepSize: Float
  /// The number of steps.
  public var steps: Int

  /// An attack of the given size.
  /// - Throws: `NetworkError` where a value isn't sensible.
  public init(epsilon: Float, stepSize: Float, steps: Int) throws {
    guard epsilon >= 0, epsilon <= 1, stepSize >= 0, stepSize <= 1, steps >= 0 else {
      throw NetworkError(
        "attack: epsilon \(epsilon) and step size \(stepSize) must be in [0, 1], steps \(steps) at least 0")
    }
    self.epsilon = epsilon
    self.stepSize = stepSize
    self.steps = steps
  }

  /// Moves images so as to raise the cross-entropy of their labels.
  ///
  /// - Parameters:
  ///   - plan: a plan that wants the input's gradient, taken at its output; frozen with running statistics.
  ///     Its input holds the attacked images afterwards too.
  ///   - images: as many as the plan's batch, NCHW in [0, 1]; attacked in place.
  ///   - labels: one per image.
  ///   - clean: room for as many floats as `images`.
  public func perturb(
    _ plan: Plan, images: UnsafeMutableBufferPointer<Float>, labels: UnsafeBufferPointer<Int32>,
    clean: UnsafeMutableBufferPointer<Float>
  ) throws {
    precondition(images.count == plan.input.count, "BUG: \(images.count) floats for \(plan.inputShape)")
    _ = clean.update(fromContentsOf: images)
    for _ in 0..<steps {
      _ = plan.input.update(fromContentsOf: images)
      try plan.forward()
      _ = Loss.crossEntropy(plan.logits, labels: labels, gradient: plan.logitsGradient)
      try plan.backward()
      Attack.step(images, gradient: plan.inputGradient, clean: clean, stepSize: stepSize, epsilon: epsilon)
    }
    _ = plan.input.update(fromContentsOf: images)
  }

  /// One step: along the gradient's sign (0 stays), then into the ball, then into [0, 1].
  public static func step(
    _ x: UnsafeMutableBufferPointer<Float>, gradient: UnsafeBufferPointer<Float>,
    clean: UnsafeMutableBufferPointer<Float>, stepSize: Float, epsilon: Float
  ) {
    for i in 0..<x.count {
      let g = gradient[i]
      let moved = x[i] + (g > 0 ? stepSize : g < 0 ? -stepSize : 0)
      let inside = min(max(moved, clean[i] - epsilon), clean[i] + epsilon)
      x[i] = min(max(inside, 0), 1)
    }
  }
}
