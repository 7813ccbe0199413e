// Owns the closed form: least squares of the map on the end's activations at its cut (direct matching, arXiv
// 2412.11299). Rows are places of images: NCHW becomes (N·H·W) × C.
import NeuralNetworks
import Tensor

/// What least squares found.
struct DirectFit {
  let map: StitchingLayer
  /// Directions of [X 1] that were kept, of C + 1.
  let rank: Int
  /// The share of the largest singular value below which directions were dropped.
  let tolerance: Double
  let samples: Int

  /// A = pinv([X 1])·Y from the first samples of a source, by the eigendecomposition of [X 1]ᵀ[X 1] in Double.
  init(
    _ stitch: Stitch, on source: some ExampleSource, samples: Int, tolerance: RankTolerance,
    isCancelled: () -> Bool = { false }
  ) throws {
    let count = min(samples, source.count)
    guard count >= 1 else { throw StitchingError("least squares has no samples") }
    let halves = try FrozenHalves(
      stitch, targets: EndTargets(cuts: [stitch.to], logits: false), resized: true)
    let (inputs, outputs) = (stitch.input[0], stitch.output[0])
    let places = stitch.output.dropFirst().reduce(1, *)

    // Blocks of channels × rows, as images come; a last row of ones for the bias.
    let width = max(1, 4096 / places)
    var x = Matrix(
      inputs + 1, width * places, values: .init(repeating: 1, count: (inputs + 1) * width * places))
    var y = Matrix(zeros: outputs, width * places)
    var gram = Matrix(zeros: inputs + 1, inputs + 1)  // [X 1]ᵀ[X 1]
    var cross = Matrix(zeros: inputs + 1, outputs)  // [X 1]ᵀY
    var filled = 0
    func flush() {
      for column in (filled * places)..<(width * places) {
        for row in 0...inputs { x[row, column] = 0 }
      }
      gram.addGram(of: x)
      cross.add(x, times: y, transposingSecond: true)
      for column in (filled * places)..<(width * places) { x[inputs, column] = 1 }
      filled = 0
    }
    try halves.compute(first: count, of: source, isCancelled: isCancelled) { _, parts in
      write(parts[0], to: &x, at: filled, places: places)
      write(parts[1], to: &y, at: filled, places: places)
      filled += 1
      if filled == width { flush() }
    }
    if filled > 0 { flush() }
    guard gram.values.allSatisfy(\.isFinite) else {
      throw StitchingError("the front's activations at '\(stitch.from)' are not all finite")
    }
    guard cross.values.allSatisfy(\.isFinite) else {
      throw StitchingError("the end's activations at '\(stitch.to)' are not all finite")
    }

    // pinv of the Gram matrix: its eigenvalues are the squares of the singular values of [X 1].
    let (eigenvalues, vectors) = try gram.symmetricEigen()
    let limit = tolerance.value(rows: count * places, columns: inputs + 1)
    let largest = max(0, eigenvalues.last!).squareRoot()
    var projected = vectors * cross
    var rank = 0
    for (row, value) in eigenvalues.enumerated() {
      let keeps = max(0, value).squareRoot() > limit * largest
      rank += keeps ? 1 : 0
      for column in 0..<outputs { projected[row, column] *= keeps ? 1 / value : 0 }
    }
    let solution = vectors.transposedTimes(projected)  // (C + 1) × outputs
    map = try StitchingLayer(
      input: stitch.input, output: stitch.output,
      weight: Tensor(
        shape: [outputs, inputs],
        values: (0..<(outputs * inputs)).map { Float(solution[$0 % inputs, $0 / inputs]) }),
      bias: Tensor(shape: [outputs], values: (0..<outputs).map { Float(solution[inputs, $0]) }))
    self.rank = rank
    self.tolerance = limit
    self.samples = count
  }
}

/// One image's C × places values into columns of a block.
private func write(_ values: UnsafeBufferPointer<Float>, to block: inout Matrix, at image: Int, places: Int) {
  let columns = block.columns
  block.values.withUnsafeMutableBufferPointer { out in
    for channel in 0..<(values.count / places) {
      let row = channel * columns + image * places
      for place in 0..<places { out[row + place] = Double(values[channel * places + place]) }
    }
  }
}
