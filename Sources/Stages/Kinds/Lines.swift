// Owns the stage kind `lines`.

import Statistics
import Workflow

struct Lines: StageKind {
  static let name = "lines"
  static let summary = "a score along an axis of a group, such as depth, as lines with bands (SVG, Vega-Lite)"
  static let discussion = """
    One panel for each value of the facets, one line for each combination of the other axes, such as method. With \
    `over`, rows that differ only in these axes are one point: their mean, in a band that is an interval for the mean or \
    a sample standard deviation to both sides; the figure says which, over what and of how many values. The axis has the \
    order of the matrix, that of the network where it is its cuts; a line has gaps where it has no value. With `numbers: \
    true` its values stand as far apart as they are. `vega_lite` has of each point mean, n, std, low and high.
    """

  @Input("the scores; a whole group", .scores, labelled: true) var rows: [InputArtifact]
  @Parameter("the axis, or the group, from left to right, such as cut") var x: String
  @Parameter("the score that is the height") var value: String
  @Parameter("axes that make panels") var facets: [String] = []
  @Parameter("axes to take the mean over, such as [seed]") var over: [String] = []
  @Parameter("interval: for the mean; std: a sample standard deviation to both sides; none") var band =
    BandChoice.interval
  @Parameter("of the means, where the band is one") var interval = IntervalChoice(StudentWords())
  @Parameter("whether the axis is of numbers instead of words") var numbers = false
  @Parameter("the lower end of the score's axis; by default as the values ask") var low: Double? = nil
  @Parameter("its upper end") var high: Double? = nil
  @Parameter("above the figure; the score's name by default") var title: String? = nil
  @Output("the figure", .figure) var figure: OutputArtifact
  @Output("the figure as a description with its data", .vegaLite) var vegaLite: OutputArtifact

  func validate() throws { try requireEnds(low: low, high: high) }

  func run(in context: StageContext) throws {
    var all = try ScoreRows(rows)
    guard !all.rows.isEmpty else { throw InputError(message: "there are no rows") }
    let x = try all.dimension(x)
    let facets = try facets.map(all.dimension)
    let averaged = Set(try over.map(all.axis))
    let score = try all.score(value)
    if let both = x.axes.first(where: averaged.contains) {
      throw InputError(message: "'\(both)' is x; it can't be an axis to take the mean over (over) too")
    }
    all.rows.removeAll { $0.scores[score] == nil || $0.dimensionValue(of: x) == nil }
    guard !all.rows.isEmpty else { throw InputError(message: "no row has \(x.name) and \(score) together") }

    let values = all.orderedValues(of: [x])
    let words = ScoreRows.dimensionTexts(values)
    let places = try numbers ? words.map(number) : values.indices.map(Double.init)
    let position = Dictionary(uniqueKeysWithValues: zip(values, places))
    let taken = Set(x.axes + facets.flatMap(\.axes)).union(averaged)
    let lines = ScoreLines(all, along: all.axes.filter { !taken.contains($0) })
    guard lines.runs.count <= LineStyle.count else {
      throw InputError(
        message:
          "\(lines.runs.count) lines can't be told apart, \(LineStyle.count) can; take the mean over an axis "
          + "(over), make it a facet, or fewer rows")
    }
    let panels = all.scorePanels(facets).map { panel in
      let rows = Dictionary(grouping: panel.rows) { lines.number(of: $0) }
      return LinePanel(
        title: panel.title, yName: score.replacing("_", with: " "),
        lines: lines.runs.indices.map { line in
          Dictionary(grouping: rows[line] ?? []) { position[$0.dimensionValue(of: x)!]! }
            .sorted { $0.key < $1.key }
            .map { LinePoint(at: $0.key, Sample($0.value.map { $0.scores[score]! }), band, interval.method) }
        })
    }
    let counts = panels.flatMap { $0.lines.joined().map(\.count) }
    if over.isEmpty, counts.contains(where: { $0 > 1 }) {
      throw InputError(
        message:
          "several rows of one stage are the same on all axes; points would be means over nothing that "
          + "has a name")
    }
    let drawing = LinesDrawing(
      title: title ?? value, xName: x.name, places: numbers ? .numbers : .words(words),
      legend: Legend(title: lines.axes.joined(separator: ", "), names: lines.runs.map(\.name)),
      panels: panels,
      isOneScore: true, low: low, high: high,
      notes: [
        over.isEmpty
          ? "each point is one value (n = 1)"
          : band.note(over: over, counts: counts, interval: interval.method)
      ])
    try drawing.publish(svg: figure, vegaLite: vegaLite)
  }

  private func number(_ word: String) throws -> Double {
    guard let number = Double(word), number.isFinite else {
      throw InputError(message: "numbers: true, but \(x) has the value '\(word)', which is none")
    }
    return number
  }
}

extension Lines: ForeseeingKind {
  func foresee(_ foresight: inout Foresight) {
    let rows = ForeseenRows(foresight, "rows")
    let facets = facets.enumerated().map { ("facets.\($0)", $1) }
    for (parameter, axis) in [("x", x)] + facets {
      if let problem = rows.problem(withDimension: axis) { foresight.mistake(parameter, problem) }
    }
    for (i, axis) in over.enumerated() {
      if let problem = rows.problem(withAxis: axis) { foresight.mistake("over.\(i)", problem) }
    }
    if let problem = rows.problem(withScore: value) { foresight.mistake("value", problem) }
  }
}
