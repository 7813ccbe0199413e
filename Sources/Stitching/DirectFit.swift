// Owns the closed form: least squares of the map on the end's activations at its cut (direct matching, arXiv
// 2412.11299).
import NeuralNetworks
import Tensor

/// What least squares found.
struct DirectFit {
  let map: StitchingLayer
  let least: LeastSquares
  /// The samples that it took, ascending.
  let indices: [Int]

  /// A = pinv([X 1])·Y from `samples` images that the seed draws without replacement.
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
    let resize = try stitch.resizing?.compile(batch: FrozenNetwork.group)
    try stitch.forEachGroup(of: indices, on: images, isCancelled: isCancelled) { rows, front, own in
      var resized = front
      if let resize {
        _ = resize.input.update(fromContentsOf: front)
        try resize.forward()
        resized = resize.logits
      }
      let (x, y) = (resized.count / FrozenNetwork.group, own.count / FrozenNetwork.group)
      for row in 0..<rows {
        statistics.add(
          UnsafeBufferPointer(rebasing: resized[(row * x)..<((row + 1) * x)]),
          UnsafeBufferPointer(rebasing: own[(row * y)..<((row + 1) * y)]))
      }
    }
    statistics.finish()
    least = try LeastSquares(statistics, tolerance: options.rankTolerance)
    let solution = least.solution
    map = try StitchingLayer(
      input: stitch.input, output: stitch.output,
      weight: Tensor(
        shape: [outputs, inputs],
        values: (0..<(outputs * inputs)).map { Float(solution[$0 % inputs, $0 / inputs]) }),
      bias: Tensor(shape: [outputs], values: (0..<outputs).map { Float(solution[inputs, $0]) }))
  }
}
