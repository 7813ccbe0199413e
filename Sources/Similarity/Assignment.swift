// Owns the assignment of rows to columns with the highest sum.
import Tensor

/// For each row of a matrix of scores its column, no two the same, so that the sum of scores is the highest; where
/// there are more rows than columns, nil for rows that are left over. By shortest augmenting paths (Crouse, On
/// Implementing 2D Rectangular Assignment Algorithms, 2016); the time grows with rows² · columns.
func bestAssignment(_ scores: Matrix) -> [Int?] {
  if scores.rows > scores.columns {
    var rows = [Int?](repeating: nil, count: scores.rows)
    for (column, row) in bestAssignment(scores.transposed).enumerated() { rows[row!] = column }
    return rows
  }
  let (rows, columns) = (scores.rows, scores.columns)
  // Duals of rows and columns; costs are negative scores.
  var (u, v) = ([Double](repeating: 0, count: rows), [Double](repeating: 0, count: columns))
  var (columnOf, rowOf) = ([Int](repeating: -1, count: rows), [Int](repeating: -1, count: columns))
  var path = [Int](repeating: -1, count: columns)
  scores.values.withUnsafeBufferPointer { scores in
    for current in 0..<rows {
      var shortest = [Double](repeating: .infinity, count: columns)
      var remaining = Array(0..<columns)
      var (reached, done) = ([current], [Int]())
      var (row, sink, length) = (current, -1, 0.0)
      while sink < 0 {
        var (lowest, next) = (Double.infinity, -1)
        for (at, column) in remaining.enumerated() {
          let through = length - scores[row * columns + column] - u[row] - v[column]
          if through < shortest[column] {
            shortest[column] = through
            path[column] = row
          }
          let found = shortest[column]
          if found < lowest || found == lowest && rowOf[column] < 0 { (lowest, next) = (found, at) }
        }
        length = lowest
        let column = remaining[next]
        remaining.swapAt(next, remaining.count - 1)
        remaining.removeLast()
        done.append(column)
        if rowOf[column] < 0 {
          sink = column
        } else {
          row = rowOf[column]
          reached.append(row)
        }
      }
      u[current] += length
      for row in reached where row != current { u[row] += length - shortest[columnOf[row]] }
      for column in done { v[column] -= length - shortest[column] }
      var column = sink
      while true {
        let row = path[column]
        rowOf[column] = row
        swap(&columnOf[row], &column)
        if row == current { break }
      }
    }
  }
  return columnOf
}
