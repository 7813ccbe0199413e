// Owns the making of identically represented inputs: noise that is moved until a network represents it as it does other
// images. It deliberately doesn't know where images come from, or what is made of them.

import CKernels
public import Tensor

/// Identically represented inputs (Feather et al. 2019's model metamers; IRIs in arXiv 2505.20142): from uniform noise,
/// sign steps that lower ‖h(x) − h(x₀)‖ / ‖h(x₀)‖ at a cut, x₀ a given image. What a network does behind the cut it does to
/// both alike.
public struct IdenticalRepresentation: Sendable, Hashable {
  /// How often each image is moved.
  public var steps = 200
  /// How far each pixel moves in a step, in pixels of [0, 1].
  public var stepSize: Float = 1.0 / 255
  /// How far a pixel may come from where it started; 1: anywhere.
  public var radius: Float = 1
  /// Decides the noise.
  public var seed: UInt64 = 0

  public init() {}

  /// How many images are moved at a time. What becomes of one doesn't depend on the others.
  private static let group = 32

  /// Images that a model, with running statistics, represents at a cut as it does those of a source.
  /// - Parameter progress: is told how many images are done.
  /// - Returns: the images, count × C × H × W; the labels of the source's, zeros without; and each one's
  ///   ‖h(x) − h(x₀)‖ / ‖h(x₀)‖ as noise and in the end.
  /// - Throws: `NetworkError` where images aren't of the model's size, it lacks the cut, or an image's activations there
  ///   are all zero or not finite; what the source throws.
  public func images(
    for model: Model, at cut: Cut, as source: some ExampleSource, progress: (Int) -> Void = { _ in },
    isCancelled: () -> Bool = { false }
  ) throws -> (images: Tensor, labels: [Int32], before: [Double], after: [Double]) {
    let network = try Network(segments: [.model(model, through: cut)])
    try network.requireImages(of: source.shape)
    let plan = try network.compile(batch: Self.group, wants: Wants(input: true))
    let size = source.shape.count
    var made = Tensor(
      zeros: [source.count] + [source.shape.channels, source.shape.height, source.shape.width])
    var labels: [Int32] = []
    var (before, after): ([Double], [Double]) = ([], [])
    try source.forEachBatch(of: Self.group, isCancelled: isCancelled) { range, buffers in
      _ = plan.input.update(fromContentsOf: buffers.images)
      try plan.forward()
      let targets = Array(plan.logits)
      labels += buffers.labels[..<range.count]
      try requireTargets(targets, range, at: cut)
      for (row, number) in range.enumerated() {
        let noise = Philox(
          seed: seed, purpose: .matchedImageStarts, index: UInt32(truncatingIfNeeded: number))
        for i in 0..<size { buffers.images[row * size + i] = noise.uniform(at: UInt64(i)) }
      }
      _ = buffers.clean.update(fromContentsOf: buffers.images)
      for step in 0...steps {
        if isCancelled() { throw CancellationError() }
        _ = plan.input.update(fromContentsOf: buffers.images)
        try plan.forward()
        let errors = writeDescent(plan, targets: targets, rows: range.count)
        if step == 0 { before += errors }
        if step == steps {
          after += errors
          break
        }
        try plan.backward()
        kernels_sign_step(
          Int64(buffers.images.count), buffers.images.baseAddress!, plan.inputGradient.baseAddress!,
          buffers.clean.baseAddress!, stepSize, radius)
      }
      made.withUnsafeMutableValues {
        _ = UnsafeMutableBufferPointer(rebasing: $0[(range.lowerBound * size)..<(range.upperBound * size)])
          .update(fromContentsOf: UnsafeBufferPointer(rebasing: buffers.images[..<(range.count * size)]))
      }
      progress(range.upperBound)
    }
    return (made, labels, before, after)
  }

  /// Each image's relative error; where the plan takes it, minus its gradient, (t − h) / (‖t − h‖ ‖t‖), since steps go
  /// up.
  private func writeDescent(_ plan: Plan, targets: [Float], rows: Int) -> [Double] {
    let size = targets.count / plan.batch
    let (value, gradient) = (plan.logits, plan.logitsGradient)
    gradient.update(repeating: 0)
    return targets.withUnsafeBufferPointer { targets in
      (0..<rows).map { row in
        let range = (row * size)..<((row + 1) * size)
        let norms = Loss.squaredNorms(
          UnsafeBufferPointer(rebasing: value[range]), UnsafeBufferPointer(rebasing: targets[range]))
        if norms.difference > 0 {
          let factor = Float(1 / (norms.difference * norms.reference).squareRoot())
          for i in range { gradient[i] = factor * (targets[i] - value[i]) }
        }
        return (norms.difference / norms.reference).squareRoot()
      }
    }
  }

  private func requireTargets(_ targets: [Float], _ range: Range<Int>, at cut: Cut) throws {
    let size = targets.count / Self.group
    for (row, number) in range.enumerated() {
      let own = targets[(row * size)..<((row + 1) * size)]
      guard own.allSatisfy(\.isFinite) else {
        throw NetworkError("the activations at '\(cut)' of image \(number) are not all finite")
      }
      guard own.contains(where: { $0 != 0 }) else {
        throw NetworkError(
          "the activations at '\(cut)' of image \(number) are all zero, so that nothing tells what is represented as "
            + "it is; take an earlier cut")
      }
    }
  }
}
