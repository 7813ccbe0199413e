// Owns the stage kind `curves`.

import Foundation
import Workflow

struct Curves: StageKind {
  static let name = "curves"
  static let summary = "histories of trainings or fits over their epochs, as an SVG figure"
  static let discussion = """
    One panel for each list of the histories, such as loss and accuracy; one line for each row, told apart by its axes. \
    With `over`, rows that differ only in these axes make one line, their mean, in a band of one sample standard \
    deviation to both sides; how many they are stands in the figure. Such a line ends with the shortest of its \
    histories, and the figure says so.
    """

  @Input("the histories; one, or a whole group", .scores, labelled: true) var rows: [InputArtifact]
  @Parameter("which lists, each a panel; all by default") var values: [String] = []
  @Parameter("axes to take the mean over, such as [seed]") var over: [String] = []
  @Parameter("what the entries of the lists are counted by") var x = "epoch"
  @Parameter("above the figure") var title = "Training"
  @Output("the figure", .figure) var figure: OutputArtifact

  func run(in context: StageContext) throws {
    let histories = try ScoreRows(rows)
    guard !histories.rows.isEmpty else { throw InputError(message: "there are no rows") }
    let averaged = Set(try over.map(histories.axis))
    let names = values.isEmpty ? histories.listNames : try values.map(histories.list)
    guard !names.isEmpty else {
      throw InputError(message: ScoreRows.withoutLists)
    }
    let lines = histories.lines(along: histories.axes.filter { !averaged.contains($0) })
    guard lines.runs.count <= LineStyle.count else {
      throw InputError(
        message:
          "\(lines.runs.count) lines can't be told apart, \(LineStyle.count) can; take the mean over an axis (over), or "
          + "fewer rows")
    }
    let panels = names.map { name in
      CurvePanel(title: name, lines: lines.runs.map { Curve($0.rows.compactMap { $0.lists[name] }) })
    }
    guard panels.contains(where: { $0.lines.contains { !$0.means.isEmpty } }) else {
      throw InputError(message: "the histories are all empty: nothing was trained")
    }
    let drawing = CurvesDrawing(
      title: title, xName: x, legendTitle: lines.axes.joined(separator: ", "), names: lines.runs.map(\.name),
      panels: panels,
      averaged: over.isEmpty ? nil : over.joined(separator: ", "))
    try Data(drawing.svg.utf8).write(to: figure.url)
  }
}

extension ScoreRows {
  /// Rows that make one line each, named by the axes in which lines differ.
  fileprivate func lines(along axes: [String]) -> (axes: [String], runs: [(name: String, rows: [ScoreRow])]) {
    let staged = Set(rows.map(\.stage)).count > 1
    func identity(_ row: ScoreRow) -> [String] {
      [staged ? row.stage : ""] + axes.map { row.value(of: $0) ?? "" }
    }
    var order: [[String]] = []
    var groups: [[String]: [ScoreRow]] = [:]
    for row in rows {
      if groups[identity(row)] == nil { order.append(identity(row)) }
      groups[identity(row), default: []].append(row)
    }
    let texts = order.count > 1 ? ScoreRows.dimensionTexts(order) : [""]
    let short = shortNames(of: axes)
    let varying = axes.indices.filter { i in order.contains { $0[i + 1] != order[0][i + 1] } }
    return (
      (staged ? ["stage"] : []) + varying.map { short[axes[$0]]! },
      zip(order, texts).map { ($1, groups[$0]!) }
    )
  }
}

extension Curves: ForeseeingKind {
  func foresee(_ foresight: inout Foresight) {
    let rows = ForeseenRows(foresight, "rows")
    for (i, axis) in over.enumerated() {
      if let problem = rows.problem(withAxis: axis) { foresight.mistake("over.\(i)", problem) }
    }
    for (i, name) in values.enumerated() {
      if let problem = rows.problem(withList: name) { foresight.mistake("values.\(i)", problem) }
    }
    if values.isEmpty, let problem = rows.problemWithoutLists {
      foresight.mistake("rows", problem)
    }
  }
}
