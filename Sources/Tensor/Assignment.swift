// Owns the assignment problem: which row goes with which column so that the sum of what they cost is least.

extension Matrix {
  /// For each row the column that it is given, no column twice, so that the sum of these elements is the least there
  /// is; where there are more rows than columns, every column is given away and the other rows get nil. O(n²m) for n
  /// of the fewer and m of the more, by shortest augmenting paths with potentials (Kuhn 1955; Jonker & Volgenant
  /// 1987). Among assignments of the same cost, the one that it finds is always the same: paths go to the first of the
  /// nearest columns.
  /// - Throws: `MatrixError` for an element that isn't finite.
  public func leastCostAssignment() throws -> [Int?] {
    try requireFiniteElements()
    guard rows > columns else { return assignEachRow().map { $0 } }
    var chosen = [Int?](repeating: nil, count: rows)
    for (column, row) in transposed.assignEachRow().enumerated() { chosen[row] = column }
    return chosen
  }

  /// The assignment where there are no more rows than columns.
  private func assignEachRow() -> [Int] {
    let (n, m) = (rows, columns)
    // Rows and columns count from 1; column 0 is where a new row starts from, row 0 is none.
    var rowPotential = [Double](repeating: 0, count: n + 1)
    var columnPotential = [Double](repeating: 0, count: m + 1)
    var owner = [Int](repeating: 0, count: m + 1)
    values.withUnsafeBufferPointer { cost in
      for row in stride(from: 1, through: n, by: 1) {
        owner[0] = row
        var (last, distance) = (0, [Double](repeating: .infinity, count: m + 1))
        var before = [Int](repeating: 0, count: m + 1)
        var isReached = [Bool](repeating: false, count: m + 1)
        repeat {
          isReached[last] = true
          let from = owner[last]
          var (nearest, least) = (0, Double.infinity)
          for column in 1...m where !isReached[column] {
            let reduced = cost[(from - 1) * m + column - 1] - rowPotential[from] - columnPotential[column]
            if reduced < distance[column] { (distance[column], before[column]) = (reduced, last) }
            if distance[column] < least { (nearest, least) = (column, distance[column]) }
          }
          for column in 0...m {
            if isReached[column] {
              rowPotential[owner[column]] += least
              columnPotential[column] -= least
            } else {
              distance[column] -= least
            }
          }
          last = nearest
        } while owner[last] != 0
        // Along the path each column goes to the row before.
        while last != 0 {
          owner[last] = owner[before[last]]
          last = before[last]
        }
      }
    }
    var chosen = [Int](repeating: 0, count: n)
    for column in stride(from: 1, through: m, by: 1) where owner[column] != 0 {
      chosen[owner[column] - 1] = column - 1
    }
    return chosen
  }
}
