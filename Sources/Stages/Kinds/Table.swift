// Owns the stage kind `table`.

import Canonical
import ContentStore
import Foundation
import Statistics
import Workflow

struct Table: StageKind {
  static let name = "table"
  static let summary = "the scores of a group as CSV and JSON, its axes as columns"
  static let discussion = """
    One row an instance, in the order of the matrix; a cell is empty where a row lacks an axis or a score, so that own \
    measures stand beside native ones. With `over`, rows that differ only in these axes become one: of each score the \
    mean, the sample standard deviation (_std) and an interval for the mean (_low, _high), and how many rows they are (n; \
    _n for a score that not all of them have). Of a single row nothing is known of its spread: these cells are empty. \
    Columns of axes have the shortest end of their name that tells them apart. \
    Scores that are lists (the history of a training or a fit) make the long form: a row an entry, counted from 1 in \
    the column that `long` names. Where all scores are lists that is so by itself, with the column epoch; else lists \
    are left out unless `long` is written.
    """

  @Input("what to tabulate; a whole group", .scores, labelled: true) var rows: [InputArtifact]
  @Input("rows to compare with, put at the end", .scores, labelled: true) var references: [InputArtifact]
  @Parameter("axes to take the mean over, such as [seed]") var over: [String] = []
  @Parameter("of the means; null: none") var interval: IntervalChoice? = IntervalChoice(StudentWords())
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
    // Scores that some rows of a mean lack have counts of their own.
    let sparse = scores.filter { score in
      groups.values.contains { members in
        members.contains { $0.scores[score] != nil } && members.contains { $0.scores[score] == nil }
      }
    }
    var lines: [[(name: String, value: JSON)]] = []
    for identity in order {
      let members = groups[identity]!
      var line: [(String, JSON)] = [("stage", .string(identity[0]))]
      for (axis, value) in zip(axes, identity.dropFirst()) {
        line.append((names[axis]!, TableLines.cell(label: value)))
      }
      for score in scores {
        let values = members.compactMap { $0.scores[score] }
        let sample = values.isEmpty ? nil : Sample(values)
        func number(_ name: String, _ value: Double?) {
          line.append((name, TableLines.cell(number: value)))
        }
        number(score, sample?.mean)
        guard !over.isEmpty else { continue }
        number("\(score)_std", sample?.deviation)
        if let interval {
          let ends = sample.flatMap(interval.method.interval)
          number("\(score)_low", ends?.lowerBound)
          number("\(score)_high", ends?.upperBound)
        }
        if sparse.contains(score) { line.append(("\(score)_n", .integer(values.count))) }
      }
      if !over.isEmpty { line.append(("n", .integer(members.count))) }
      lines.append(line)
    }
    try TableLines(lines: lines).publish(csv: csv, json: json)
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
