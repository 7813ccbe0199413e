import Tensor
import Testing

private let stream = Philox(seed: 3, purpose: .tests)

private func draws(_ rows: Int, _ columns: Int, from: Int, levels: Double? = nil) -> Matrix {
  Matrix(
    rows, columns,
    values: (0..<(rows * columns)).map {
      let value = stream.normal(at: UInt64(from + $0))
      return levels.map { (value * $0).rounded() } ?? value
    })
}

/// The least cost by going through all injections of the fewer into the more.
private func bestCost(_ cost: Matrix) -> Double {
  let cost = cost.rows > cost.columns ? cost.transposed : cost
  func best(_ row: Int, _ taken: Set<Int>) -> Double {
    guard row < cost.rows else { return 0 }
    return (0..<cost.columns).filter { !taken.contains($0) }.map {
      cost[row, $0] + best(row + 1, taken.union([$0]))
    }.min()!
  }
  return best(0, [])
}

@Test(arguments: [(1, 1), (5, 5), (3, 6), (6, 3), (6, 6), (1, 7)], [nil, 1.0, 0])
func assignmentsCostTheLeast(size: (Int, Int), levels: Double?) throws {
  for trial in 0..<8 {
    // With few levels many assignments cost the same.
    let cost = draws(size.0, size.1, from: 1000 * trial, levels: levels)
    let chosen = try cost.leastCostAssignment()
    let columns = chosen.compactMap(\.self)
    #expect(chosen.count == size.0 && columns.count == min(size.0, size.1))
    #expect(Set(columns).count == columns.count)
    let sum = chosen.enumerated().reduce(0) {
      $0 + ($1.element.map { [row = $1.offset] in cost[row, $0] } ?? 0)
    }
    #expect(abs(sum - bestCost(cost)) < 1e-12)
    #expect(try cost.leastCostAssignment() == chosen)
  }
}

@Test func aPlantedAssignmentIsFoundAmongMany() throws {
  let planted = Philox(seed: 9, purpose: .tests).permutation(of: 200)
  var cost = draws(200, 200, from: 0)
  for (row, column) in planted.enumerated() { cost[row, column] -= 100 }
  #expect(try cost.leastCostAssignment() == planted)
}

@Test func amongEqualCostsTheFirstColumnsAreTaken() throws {
  #expect(try Matrix(zeros: 3, 5).leastCostAssignment() == [0, 1, 2])
  #expect(try Matrix(zeros: 0, 5).leastCostAssignment() == [])
}

@Test func costsThatAreNotFiniteAreRefused() {
  let error = #expect(throws: MatrixError.self) {
    try Matrix(2, 2, values: [0, .nan, 1, 2]).leastCostAssignment()
  }
  #expect(error?.description == "element (0, 1) of a 2 × 2 matrix is nan")
}
