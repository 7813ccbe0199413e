// Owns the search for what went bad where a loss or a parameter isn't a finite number.

import Tensor

extension Network {
  /// Of a batch whose loss isn't finite, the first thing from images to logits that isn't: `image 3 of the batch has nan at 7`,
  /// `the activations at 'stage1.0'`.
  /// - Parameters:
  ///   - plan: the plan whose input still holds the batch.
  func culprit(in plan: Plan, shape: ImageShape) throws -> String {
    if let pixel = firstNotFinite(UnsafeBufferPointer(plan.input)) {
      return "image \(pixel / shape.count) of the batch has \(plan.input[pixel]) at \(pixel % shape.count)"
    }
    // Parameters were finite after the step before. The same statistics, but the running ones stay.
    let network = withBatchStatistics
    let taps = network.tapsAtCuts
    let probe = try network.compile(batch: plan.batch, taps: taps, wants: .nothing)
    _ = probe.input.update(fromContentsOf: plan.input)
    try probe.forward()
    for tap in taps {
      let values = probe.value(of: tap)
      // Max-pooling makes the lowest float of what is no number.
      let hidden = values.contains { abs($0) >= .greatestFiniteMagnitude }
      guard hidden || firstNotFinite(values) != nil else { continue }
      return "the activations at '\(tap.cut!)' are the first that aren't finite"
    }
    return firstNotFinite(probe.logits) == nil
      ? "all activations are finite" : "the logits are the first that aren't finite"
  }

  /// All cuts, from input to output.
  private var tapsAtCuts: [TapPoint] {
    segments.enumerated().flatMap { index, segment in
      segment.layers.nodes.compactMap(\.cut).map { TapPoint.cut($0, segment: index) }
    }
  }
}

extension ParameterGradients {
  /// What is wrong with a parameter of that name: its gradient, or how far it moved.
  func cause(of name: String) -> String {
    let gradient = tensor(name)
    let isFinite = gradient.firstNotFinite == nil
    return isFinite ? "'\(name)' is not finite" : "'\(name)' is not finite, nor is its gradient"
  }
}
