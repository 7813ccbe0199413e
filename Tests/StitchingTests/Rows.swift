// Owns rows of numbers to make statistics of.
import Stitching
import Tensor

/// Rows X and Y, as Float32 has them.
struct Rows {
  let x: Matrix
  let y: Matrix

  init(_ x: Matrix, _ y: Matrix) {
    (self.x, self.y) = (x.asFloat, y.asFloat)
  }

  /// Roughly normal numbers; `from` says which.
  static func draws(_ rows: Int, _ columns: Int, from: Int) -> Matrix {
    let stream = Philox(seed: 22, purpose: .tests)
    return Matrix(
      rows, columns, values: (0..<(rows * columns)).map { stream.normal(at: UInt64(from + $0)) })
  }

  /// Random rows whose features have unlike scales and means, and noisy images of them under a random map.
  static func related(_ count: Int, _ inputs: Int, _ outputs: Int, noise: Double = 0.3) -> Rows {
    var x = draws(count, inputs, from: 0)
    for i in x.values.indices { x.values[i] = x.values[i] * (1 + Double(i % inputs)) + Double(i % 3) }
    var y = x * draws(inputs, outputs, from: 100_000)
    let rest = draws(count, outputs, from: 200_000)
    for i in y.values.indices { y.values[i] += noise * rest.values[i] + Double(i % outputs) }
    return Rows(x, y)
  }

  var statistics: RowStatistics {
    var statistics = RowStatistics(inputs: x.columns, outputs: y.columns, positions: 1)
    for row in 0..<x.rows {
      x.row(row).withUnsafeBufferPointer { x in
        y.row(row).withUnsafeBufferPointer { statistics.add(x, $0) }
      }
    }
    statistics.finish()
    return statistics
  }

  /// What a solution makes of X: XW + b.
  func made(_ solution: Matrix) -> Matrix {
    var made = x * Matrix(x.columns, y.columns, values: Array(solution.values[..<(x.columns * y.columns)]))
    for i in made.values.indices { made.values[i] += solution[x.columns, i % y.columns] }
    return made
  }

  /// ‖XW + b − Y‖².
  func error(_ solution: Matrix) -> Double { (made(solution) - y).squaredNorm }
}

extension Matrix {
  fileprivate var asFloat: Matrix { Matrix(rows, columns, values: values.map { Double(Float($0)) }) }
  fileprivate func row(_ row: Int) -> [Float] { (0..<columns).map { Float(self[row, $0]) } }

  /// The largest difference of an element.
  func distance(to other: Matrix) -> Double {
    zip(values, other.values).reduce(0) { max($0, abs($1.0 - $1.1)) }
  }
}

extension ClosedForm {
  /// W, outputs × inputs.
  var weight: Matrix {
    Matrix(
      solution.rows - 1, solution.columns,
      values: Array(solution.values[..<((solution.rows - 1) * solution.columns)])
    ).transposed
  }

  var bias: [Double] { Array(solution.values[((solution.rows - 1) * solution.columns)...]) }
}
