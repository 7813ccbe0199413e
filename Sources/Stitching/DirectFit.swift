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

  /// From the statistics of some images, the front's at the end's positions.
  init(_ stitch: Stitch, _ statistics: RowStatistics, options: FitOptions) throws {
    let (inputs, outputs) = (stitch.input.features, stitch.output.features)
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

extension FitOptions {
  /// The images that least squares takes of so many, drawn without replacement by the seed; ascending.
  /// - Throws: `StitchingError` where there are none.
  func leastSquaresIndices(of count: Int) throws -> [Int] {
    guard count >= 1 else { throw StitchingError("least squares has no samples") }
    return Philox(seed: seed, purpose: .leastSquaresSamples).sample(leastSquaresSamples, of: count)
  }
}
