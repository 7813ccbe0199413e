// Owns the stage kind `scatter`.

import Statistics
import Workflow

struct Scatter: StageKind {
  static let name = "scatter"
  static let summary = "one score against another, with their correlations (SVG, Vega-Lite)"
  static let discussion = """
    One panel for each value of the facets, one point for each row that has both scores; with `over`, for the means of \
    rows that differ only in these axes. `by` are the axes that colour tells apart. Above each panel stand Pearson's \
    correlation with its interval (Fisher's z), Spearman's, and n, the number of points. Scores of two stages, such as a \
    similarity and an accuracy: `rows` has the first, `others` the second; a row goes with the one of `others` that agrees \
    with it on all axes that both have, by any end of their names. Rows that go with none are counted in the figure.
    """

  @Input("the scores; a whole group", .scores, labelled: true) var rows: [InputArtifact]
  @Input("scores of the same things by another stage", .scores, labelled: true) var others: [InputArtifact]
  @Parameter("the score from left to right") var x: String
  @Parameter("the score that is the height") var y: String
  @Parameter("axes that colour tells apart, such as [method]") var by: [String] = []
  @Parameter("axes that make panels") var facets: [String] = []
  @Parameter("axes to take the means over, such as [seed]") var over: [String] = []
  @Parameter("of the interval of Pearson's correlation", .between(0.5, 0.9999)) var level = 0.95
  @Parameter("above the figure; the scores' names by default") var title: String? = nil
  @Output("the figure", .figure) var figure: OutputArtifact
  @Output("the figure as a description with its data", .vegaLite) var vegaLite: OutputArtifact

  func run(in context: StageContext) throws {
    var all = try ScoreRows(rows)
    guard !all.rows.isEmpty else { throw InputError(message: "there are no rows") }
    if !others.isEmpty { all.rows = try all.joined(with: ScoreRows(others)) }
    let (x, y) = (try all.score(x), try all.score(y))
    guard x != y else { throw InputError(message: "x and y are both \(x)") }
    let facets = try facets.map(all.dimension)
    let averaged = Set(try over.map(all.axis))
    let by = try by.map(all.axis)
    let count = all.rows.count
    all.rows.removeAll { $0.scores[x] == nil || $0.scores[y] == nil }
    guard !all.rows.isEmpty else { throw InputError(message: "no row has \(x) and \(y) together") }
    let lost = count - all.rows.count

    let lines = ScoreLines(all, along: by)
    guard lines.runs.count <= LineStyle.count else {
      throw InputError(
        message:
          "\(lines.runs.count) colours can't be told apart, \(LineStyle.count) can; colour by fewer axes (by)"
      )
    }
    let points = ScoreLines(all, along: all.axes.filter { !averaged.contains($0) })
    let panels = all.scorePanels(facets).map { panel in
      let found = Dictionary(grouping: panel.rows) { points.number(of: $0)! }.sorted { $0.key < $1.key }
        .map { number, rows in
          ScatterPoint(
            x: Sample(rows.map { $0.scores[x]! }).mean, y: Sample(rows.map { $0.scores[y]! }).mean,
            line: lines.number(of: rows[0])!, name: points.runs[number].name, count: rows.count)
        }
      return ScatterPanel(heading: [panel.title, said(of: found)].filter { !$0.isEmpty }, points: found)
    }
    let counts = panels.flatMap { $0.points.map(\.count) }
    let (least, most) = (counts.min()!, counts.max()!)
    var notes = [
      most == 1
        ? "each point is one row (n = 1)"
        : "each point is a mean"
          + (over.isEmpty ? "" : " over \(over.joined(separator: ", "))") + ", n = "
          + (least == most ? "\(most)" : "\(least) to \(most)")
    ]
    if lost > 0 { notes.append("without \(lost) of \(count) rows, which lack a score") }
    let drawing = ScatterDrawing(
      title: title ?? "\(y) against \(x)", xName: x.replacing("_", with: " "),
      yName: y.replacing("_", with: " "),
      legend: Legend(
        title: lines.axes.joined(separator: ", "), names: lines.runs.map(\.name), hasLines: false),
      panels: panels, notes: notes)
    try drawing.publish(svg: figure, vegaLite: vegaLite)
  }

  /// How the scores of some points go together.
  private func said(of points: [ScatterPoint]) -> String {
    let pairs = Correlations(points.map(\.x), points.map(\.y))
    func spelled(_ number: Double) -> String { fixed(number, digits: 2) }
    guard let r = pairs.pearson, let rho = pairs.spearman else {
      return "n = \(points.count), no correlation: "
        + (points.count < 2 ? "a single point" : "a score is constant")
    }
    let interval = pairs.pearsonInterval(level: level).map {
      " (\(fixed(level * 100, digits: 0))%: \(spelled($0.lowerBound)) … \(spelled($0.upperBound)))"
    }
    return "Pearson \(spelled(r))\(interval ?? ""), Spearman \(spelled(rho)), n = \(points.count)"
  }
}

extension ScoreRows {
  /// The rows, each with the scores of the one of `others` that agrees with it on all axes that both have.
  /// - Throws: where several do.
  fileprivate func joined(with others: ScoreRows) throws -> [ScoreRow] {
    func isSame(_ a: String, _ b: String) -> Bool { a == b || a.hasSuffix("." + b) || b.hasSuffix("." + a) }
    let pairs = axes.flatMap { a in others.axes.filter { isSame(a, $0) }.map { (mine: a, theirs: $0) } }
    guard !pairs.isEmpty else {
      throw InputError(
        message:
          "'rows' (\(axes.joined(separator: ", "))) and 'others' (\(others.axes.joined(separator: ", "))) have no "
          + "axis in common")
    }
    let theirs = Dictionary(grouping: others.rows) { row in pairs.map { row.value(of: $0.theirs) } }
    return try rows.map { row in
      let found = theirs[pairs.map { row.value(of: $0.mine) }] ?? []
      guard found.count <= 1 else {
        throw InputError(
          message:
            "\(found.count) of 'others' agree with one of 'rows' on \(pairs.map(\.mine).joined(separator: ", ")); "
            + "select those that are meant")
      }
      var row = row
      for other in found { row.scores.merge(other.scores) { mine, _ in mine } }
      return row
    }
  }
}

extension Scatter: ForeseeingKind {
  func foresee(_ foresight: inout Foresight) {
    let rows = ForeseenRows(foresight, "rows")
    let scores = ForeseenRows(foresight, foresight.isWritten("others") ? ["rows", "others"] : ["rows"])
    for (parameter, names) in [("by", by), ("over", over)] {
      for (i, axis) in names.enumerated() {
        if let problem = rows.problem(withAxis: axis) { foresight.mistake("\(parameter).\(i)", problem) }
      }
    }
    for (i, axis) in facets.enumerated() {
      if let problem = rows.problem(withDimension: axis) { foresight.mistake("facets.\(i)", problem) }
    }
    for (parameter, score) in [("x", x), ("y", y)] {
      if let problem = scores.problem(withScore: score) { foresight.mistake(parameter, problem) }
    }
    if x == y { foresight.mistake("y", "x and y are both \(x)") }
  }
}
