// Owns which rows make one line, or points of one colour, of a figure.

import Workflow

/// Rows that make one line each, named by the axes in which lines differ.
struct ScoreLines {
  /// What the names are of.
  let axes: [String]
  let runs: [(name: String, rows: [ScoreRow])]
  private let identity: (ScoreRow) -> [String]
  private let numbers: [[String]: Int]

  init(_ rows: ScoreRows, along axes: [String]) {
    let staged = Set(rows.rows.map(\.stage)).count > 1
    let identity = { (row: ScoreRow) in [staged ? row.stage : ""] + axes.map { row.value(of: $0) ?? "" } }
    var order: [[String]] = []
    var groups: [[String]: [ScoreRow]] = [:]
    for row in rows.rows {
      if groups[identity(row)] == nil { order.append(identity(row)) }
      groups[identity(row), default: []].append(row)
    }
    let texts = order.count > 1 ? ScoreRows.dimensionTexts(order) : [""]
    let short = rows.shortNames(of: axes)
    let varying = axes.indices.filter { i in order.contains { $0[i + 1] != order[0][i + 1] } }
    self.axes = (staged ? ["stage"] : []) + varying.map { short[axes[$0]]! }
    self.identity = identity
    runs = zip(order, texts).map { ($1, groups[$0]!) }
    numbers = Dictionary(uniqueKeysWithValues: zip(order, order.indices))
  }

  /// Which line a row belongs to.
  func number(of row: ScoreRow) -> Int? { numbers[identity(row)] }
}
