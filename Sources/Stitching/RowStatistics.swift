// Owns what every closed form needs of the activations at a pair of cuts: all of them, and what is measured of a map of
// rows, are made of this one value. It doesn't know networks: rows come as numbers.
//
// Rows are positions of images: C × H × W activations are H·W rows of C. Sums of products are Double; a product of
// two Float32 is exact there, so that only the sums round, each in a fixed order.
import Synchronization
public import Tensor

/// Sums over the rows of X (inputs) and Y (outputs), at a pair of cuts.
public struct RowStatistics: Sendable {
  /// [X 1]ᵀ[X 1], (inputs + 1) × (inputs + 1).
  public private(set) var gram: Matrix
  /// [X 1]ᵀY, (inputs + 1) × outputs.
  public private(set) var cross: Matrix
  /// Σ y² of each of Y's columns.
  public private(set) var outputSquares: [Double]
  /// How many rows there are.
  public private(set) var rows = 0
  /// The eigenvectors of the Gram matrix, where pairs share it.
  private var decomposition: SharedEigen?
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
  public init(inputs: Int, outputs: Int, positions: Int, featuresLast: Bool = false) {
    self.positions = positions
    self.featuresLast = featuresLast
    width = max(1, 4096 / positions) * positions
    x = Matrix(zeros: inputs + 1, width)
    y = Matrix(zeros: outputs, width)
    gram = Matrix(zeros: inputs + 1, inputs + 1)
    cross = Matrix(zeros: inputs + 1, outputs)
    outputSquares = [Double](repeating: 0, count: outputs)
  }

  /// Sums that are complete.
  /// - Parameter decomposition: the same for all whose Gram matrix is this one.
  init(gram: Matrix, _ decomposition: SharedEigen, cross: Matrix, outputSquares: [Double], rows: Int) {
    self.init(inputs: 0, outputs: 0, positions: 4096)
    (self.gram, self.decomposition) = (gram, decomposition)
    (self.cross, self.outputSquares, self.rows) = (cross, outputSquares, rows)
  }

  /// The eigenvalues of the Gram matrix, ascending, and its eigenvectors as rows.
  func gramEigen() throws -> (values: [Double], vectors: Matrix) {
    try decomposition?.eigen(of: gram) ?? gram.symmetricEigen()
  }

  /// Adds the rows of one example: inputs × positions and outputs × positions values.
  public mutating func add(_ input: UnsafeBufferPointer<Float>, _ output: UnsafeBufferPointer<Float>) {
    write(input, to: &x, at: filled, positions: positions, featuresLast: featuresLast)
    write(output, to: &y, at: filled, positions: positions, featuresLast: featuresLast)
    for column in filled..<(filled + positions) { x[x.rows - 1, column] = 1 }
    filled += positions
    rows += positions
    if filled == width { flush() }
  }

  /// Takes in the rows of a block that isn't full. To be called after the last image.
  public mutating func finish() {
    guard filled > 0 else { return }
    for column in filled..<width {
      for row in 0..<x.rows { x[row, column] = 0 }
      for row in 0..<y.rows { y[row, column] = 0 }
    }
    flush()
  }

  /// How many columns X has.
  public var inputs: Int { gram.rows - 1 }
  /// How many columns Y has.
  public var outputs: Int { cross.columns }
  /// The mean of each of X's columns.
  public var inputMeans: [Double] { (0..<inputs).map { gram[inputs, $0] / Double(rows) } }
  /// The mean of each of Y's columns.
  public var outputMeans: [Double] { (0..<outputs).map { cross[inputs, $0] / Double(rows) } }
  /// ‖Y‖²_F.
  public var outputSquaredNorm: Double { outputSquares.reduce(0, +) }

  /// XᵀX; where `centred`, of columns less their means.
  public func inputGram(centred: Bool) -> Matrix {
    let means = centred ? inputMeans : [Double](repeating: 0, count: inputs)
    return Matrix(
      inputs, inputs,
      values: (0..<(inputs * inputs)).map { i in
        gram[i / inputs, i % inputs] - Double(rows) * means[i / inputs] * means[i % inputs]
      })
  }

  /// XᵀY; where `centred`, of columns less their means.
  public func inputsTimesOutputs(centred: Bool) -> Matrix {
    let means = centred ? (inputMeans, outputMeans) : ([Double](repeating: 0, count: inputs), outputMeans)
    return Matrix(
      inputs, outputs,
      values: (0..<(inputs * outputs)).map { i in
        cross[i / outputs, i % outputs] - Double(rows) * means.0[i / outputs] * means.1[i % outputs]
      })
  }

  /// ‖[X 1]·A − Y‖²_F / ‖Y‖²_F for a map A of (inputs + 1) × outputs, whose last row is the bias. Of large terms that
  /// cancel: below about 1e-14 it is rounding, and never negative.
  /// - Throws: `StitchingError` where Y is all zero.
  public func structuralError(of solution: Matrix) throws -> Double {
    let reference = outputSquaredNorm
    guard reference > 0 else {
      throw StitchingError("the end's activations are all zero; there is nothing to compare with")
    }
    let image = gram * solution
    var difference = reference
    for i in solution.values.indices {
      difference += solution.values[i] * (image.values[i] - 2 * cross.values[i])
    }
    return max(0, difference) / reference
  }

  /// A map of rows with its bias in a last row: weights of inputs × outputs with the bias that makes the means of what
  /// it gives Y's, or with none.
  func solution(_ weights: Matrix, withBias: Bool) -> Matrix {
    var bias = [Double](repeating: 0, count: outputs)
    if withBias {
      bias = outputMeans
      for (i, mean) in inputMeans.enumerated() {
        for j in 0..<outputs { bias[j] -= mean * weights[i, j] }
      }
    }
    return Matrix(inputs + 1, outputs, values: weights.values + bias)
  }

  private mutating func flush() {
    gram.addGram(of: x)
    cross.add(x, times: y, transposingSecond: true)
    for row in 0..<y.rows {
      outputSquares[row] += y.values[(row * width)..<((row + 1) * width)].reduce(0) { $0 + $1 * $1 }
    }
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

/// The eigenvectors of one matrix, found when somebody first asks for them.
final class SharedEigen: Sendable {
  private let found = Mutex<(values: [Double], vectors: Matrix)?>(nil)

  /// - Parameter matrix: always the same.
  func eigen(of matrix: Matrix) throws -> (values: [Double], vectors: Matrix) {
    try found.withLock { found in
      if let found { return found }
      let made = try matrix.symmetricEigen()
      found = made
      return made
    }
  }
}
