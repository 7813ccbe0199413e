// Owns the stage kind `table`.

import Canonical
import ContentStore
import Formats
import Foundation
import Workflow

struct Table: StageKind {
  static let name = "table"
  static let summary = "the scores of a group as CSV and JSON, its axes as columns"
  static let discussion = """
    One row an instance, in the order of the matrix; a cell is empty where a row lacks an axis or a score, so that own \
    measures stand beside native ones. With `over`, rows that differ only in these axes become one, with the mean, the \
    sample standard deviation and the count. Columns of axes have the shortest end of their name that tells them apart. \
    Scores that are lists (the history of a training or a fit) make the long form: a row an entry, counted from 1 in \
    the column that `long` names. Where all scores are lists that is so by itself, with the column epoch; else lists \
    are left out unless `long` is written.
    """

  @Input("what to tabulate; a whole group", .scores, labelled: true) var rows: [InputArtifact]
  @Input("rows to compare with, put at the end", .scores, labelled: true) var references: [InputArtifact]
  @Parameter("axes to take the mean over, such as [seed]") var over: [String] = []
  @Parameter("which scores, in this order; all by default") var columns: [String] = []
  @Parameter("column that counts the entries of lists, each of which becomes a row; null: see above")
  var long: String? = nil
  @Output("the table", .csv) var csv: OutputArtifact
  @Output("the table as a list of objects", .rows) var json: OutputArtifact

  func run(in context: StageContext) throws {
    var all = try ScoreRows(rows)
    // A reference's `front` goes into the column of the rows' `network.front`.
    all.rows += try ScoreRows(references).rows.map { row in
      var row = row
      row.labels = row.labels.map { Label(axis: (try? all.axis($0.axis)) ?? $0.axis, value: $0.value) }
      return row
    }
    guard !all.rows.isEmpty else { throw InputError(message: "there are no rows") }
    if let column = long ?? all.columnOfEntries { all = try all.long(column) }
    let averaged = Set(try over.map(all.axis))
    let axes = all.axes.filter { !averaged.contains($0) }
    let names = all.shortNames(of: axes)
    let scores = try columns.isEmpty ? all.scoreNames : columns.map(all.score)

    // Rows of one stage with the same values on the remaining axes belong together, in the order of the first.
    var groups: [[String]: [ScoreRow]] = [:]
    var order: [[String]] = []
    for row in all.rows {
      let identity = [row.stage] + axes.map { row.value(of: $0) ?? "" }
      if groups.updateValue((groups[identity] ?? []) + [row], forKey: identity) == nil {
        order.append(identity)
      }
    }
    var lines: [[(name: String, value: JSON)]] = []
    for identity in order {
      let members = groups[identity]!
      var line: [(String, JSON)] = [("stage", .string(identity[0]))]
      for (axis, value) in zip(axes, identity.dropFirst()) { line.append((names[axis]!, scalar(value))) }
      for score in scores {
        let values = members.compactMap { $0.scores[score] }
        line.append((score, values.isEmpty ? .null : .number(ScoreRows.mean(values))))
        if !over.isEmpty {
          line.append(("\(score)_std", values.isEmpty ? .null : .number(ScoreRows.spread(values))))
        }
      }
      if !over.isEmpty { line.append(("n", .integer(members.count))) }
      lines.append(line)
    }
    let text = CSV.encode(header: lines[0].map(\.name), rows: lines.map { $0.map { cell($0.value) } })
    try Data(text.utf8).write(to: csv.url)
    let objects = lines.map { JSON.object(Dictionary($0.map { ($0.name, $0.value) }) { $1 }) }
    try Data((JSON.array(objects).canonical + "\n").utf8).write(to: json.url)
  }

  /// A label as the number that it spells, or as text; nothing where the row lacks the axis.
  private func scalar(_ label: String) -> JSON {
    if label.isEmpty { return .null }
    if let whole = Int(label), "\(whole)" == label { return .integer(whole) }
    return .string(label)
  }

  private func cell(_ value: JSON) -> String {
    switch value {
    case .null: ""
    case .string(let text): text
    default: value.canonical
    }
  }
}

extension Table: ForeseeingKind {
  func foresee(_ foresight: inout Foresight) {
    let rows = ForeseenRows(foresight, "rows", "references").long(long)
    for (i, axis) in over.enumerated() {
      if let problem = rows.problem(withAxis: axis) { foresight.mistake("over.\(i)", problem) }
    }
    for (i, score) in columns.enumerated() {
      if let problem = rows.problem(withScore: score) { foresight.mistake("columns.\(i)", problem) }
    }
  }
}
