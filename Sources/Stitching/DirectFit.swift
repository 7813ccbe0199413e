// Owns the closed form on images: the family's best map on the end's activations at its cut (direct matching, arXiv
// 2412.11299).
import NeuralNetworks
import Tensor

/// What the closed form of a family of maps found.
struct DirectFit {
  let map: StitchingLayer
  let found: ClosedForm
  /// ‖S − T‖² / ‖T‖² over the samples.
  let structuralError: Double
  /// The samples that it took, ascending.
  let indices: [Int]

  /// From `leastSquaresSamples` images that the seed draws without replacement, at the end's positions.
  init(
    _ stitch: Stitch, on images: ActivationCache, options: FitOptions, isCancelled: () -> Bool
  ) throws {
    guard images.count >= 1 else { throw StitchingError("least squares has no samples") }
    indices = Philox(seed: options.seed, purpose: .leastSquaresSamples)
      .sample(options.leastSquaresSamples, of: images.count)
    let (inputs, outputs) = (stitch.input.features, stitch.output.features)
    var statistics = RowStatistics(
      inputs: inputs, outputs: outputs, positions: stitch.output.positions,
      featuresLast: stitch.output.featuresLast)
    let moving = try stitch.positions?.compile(batch: FrozenNetwork.group)
    try stitch.forEachGroup(of: indices, on: images, isCancelled: isCancelled) { rows, front, own in
      var moved = front
      if let moving {
        _ = moving.input.update(fromContentsOf: front)
        try moving.forward()
        moved = moving.logits
      }
      let (x, y) = (moved.count / FrozenNetwork.group, own.count / FrozenNetwork.group)
      for row in 0..<rows {
        statistics.add(
          UnsafeBufferPointer(rebasing: moved[(row * x)..<((row + 1) * x)]),
          UnsafeBufferPointer(rebasing: own[(row * y)..<((row + 1) * y)]))
      }
    }
    statistics.finish()
    found = try options.map.closedForm(statistics, tolerance: options.rankTolerance)
    structuralError = try statistics.structuralError(of: found.solution)
    let solution = found.solution
    map = try StitchingLayer(
      input: stitch.input, output: stitch.output,
      weight: Tensor(
        shape: [outputs, inputs],
        values: (0..<(outputs * inputs)).map { Float(solution[$0 % inputs, $0 / inputs]) }),
      bias: Tensor(shape: [outputs], values: (0..<outputs).map { Float(solution[inputs, $0]) }))
  }
}
