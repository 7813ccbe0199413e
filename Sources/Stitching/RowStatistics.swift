// Owns what every closed form needs of the activations at a pair of cuts, and the least squares made of it. It
// doesn't know networks: rows come as numbers.
//
// Rows are positions of images: C × H × W activations are H·W rows of C. Sums of products are Double; a product of
// two Float32 is exact there, so that only the sums round, each in a fixed order.
import Tensor

/// Sums over the rows of X (inputs) and Y (outputs), of which [X 1] is regressed on Y.
package struct RowStatistics {
  /// [X 1]ᵀ[X 1], (inputs + 1) × (inputs + 1).
  private(set) package var gram: Matrix
  /// [X 1]ᵀY, (inputs + 1) × outputs.
  private(set) package var cross: Matrix
  /// How many rows there are.
  private(set) package var rows = 0
  private let positions: Int
  /// Whether a position's features lie together, as tokens' do; an image's positions of one channel do.
  private let featuresLast: Bool
  private let width: Int
  /// A block of channels × rows, as images come; X's last row is of ones, for the bias.
  private var x: Matrix
  private var y: Matrix
  private var filled = 0

  /// - Parameters:
  ///   - positions: rows that an example has: H·W of an image, T of tokens.
  ///   - featuresLast: whether examples are positions × features, as tokens are; images are channels × positions.
  package init(inputs: Int, outputs: Int, positions: Int, featuresLast: Bool = false) {
    self.positions = positions
    self.featuresLast = featuresLast
    width = max(1, 4096 / positions) * positions
    x = Matrix(zeros: inputs + 1, width)
    y = Matrix(zeros: outputs, width)
    gram = Matrix(zeros: inputs + 1, inputs + 1)
    cross = Matrix(zeros: inputs + 1, outputs)
  }

  /// Adds the rows of one example: inputs × positions and outputs × positions values.
  package mutating func add(_ input: UnsafeBufferPointer<Float>, _ output: UnsafeBufferPointer<Float>) {
    write(input, to: &x, at: filled, positions: positions, featuresLast: featuresLast)
    write(output, to: &y, at: filled, positions: positions, featuresLast: featuresLast)
    for column in filled..<(filled + positions) { x[x.rows - 1, column] = 1 }
    filled += positions
    rows += positions
    if filled == width { flush() }
  }

  /// Takes in the rows of a block that isn't full. To be called after the last image.
  package mutating func finish() {
    guard filled > 0 else { return }
    for column in filled..<width {
      for row in 0..<x.rows { x[row, column] = 0 }
      for row in 0..<y.rows { y[row, column] = 0 }
    }
    flush()
  }

  private mutating func flush() {
    gram.addGram(of: x)
    cross.add(x, times: y, transposingSecond: true)
    filled = 0
  }
}

/// Writes one example's values into columns of a block, a row for each feature.
private func write(
  _ values: UnsafeBufferPointer<Float>, to block: inout Matrix, at column: Int, positions: Int,
  featuresLast: Bool
) {
  let columns = block.columns
  let features = values.count / positions
  let (perFeature, perPosition) = featuresLast ? (1, features) : (positions, 1)
  block.values.withUnsafeMutableBufferPointer { out in
    for channel in 0..<features {
      let start = channel * columns + column
      for i in 0..<positions { out[start + i] = Double(values[channel * perFeature + i * perPosition]) }
    }
  }
}

/// A least-squares map of rows, Y ≈ [X 1]·A.
package struct LeastSquares {
  /// A, (inputs + 1) × outputs; its last row is the bias.
  package let solution: Matrix
  /// Directions of [X 1] that were kept, of inputs + 1.
  package let rank: Int
  /// The share of the largest singular value of [X 1] up to which directions were dropped.
  package let tolerance: Double

  /// A = pinv([X 1])·Y, the solution of least norm, by the eigendecomposition of [X 1]ᵀ[X 1]: its eigenvalues are
  /// the squares of the singular values σ of [X 1].
  ///
  /// An eigenvalue is right to about 1e-16 of the largest: measured on up to 524,288 rows and 129 directions, a
  /// singular value is right to 1e-5 of itself where it is 1e-6 of the largest, to 1e-3 at 1e-7, and means nothing
  /// below 1e-8. Float32 activations, sums of products themselves, are rounding from about 1e-6 on; hence
  /// `RankTolerance.floor`, above which the solution is off by less than its rounding to Float32. (A QR of the rows
  /// would do without squares, but couldn't be shared by all pairs of cuts, as sums over rows can.)
  package init(_ statistics: RowStatistics, tolerance: RankTolerance) throws {
    let limit = try tolerance.value(rows: statistics.rows, columns: statistics.gram.rows)
    let (eigenvalues, vectors) = try statistics.gram.symmetricEigen()
    let largest = max(0, eigenvalues.last!).squareRoot()
    var projected = vectors * statistics.cross
    var rank = 0
    for (row, value) in eigenvalues.enumerated() {
      let keeps = max(0, value).squareRoot() > limit * largest
      rank += keeps ? 1 : 0
      for column in 0..<projected.columns { projected[row, column] *= keeps ? 1 / value : 0 }
    }
    solution = vectors.transposedTimes(projected)
    self.rank = rank
    self.tolerance = limit
  }
}
