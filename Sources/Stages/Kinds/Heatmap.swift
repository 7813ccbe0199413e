// Owns the stage kind `heatmap`.

import Foundation
import Workflow

struct Heatmap: StageKind {
  static let name = "heatmap"
  static let summary = "a score over two axes of a group, as an SVG figure"
  static let discussion = """
    One panel for each value of the facets; a cell is the mean over all other axes. Axes may be named by the end \
    of their name, as long as only one has it.
    """

  @Input("the scores; a whole group", .scores, labelled: true) var rows: [InputArtifact]
  @Parameter("the axis from left to right") var x: String
  @Parameter("the axis from top to bottom") var y: String
  @Parameter("the score that is the colour") var value: String
  @Parameter("axes that make panels") var facets: [String] = []
  @Parameter("above the figure; the score's name by default") var title: String? = nil
  @Parameter("the score at the dark end of the scale; by default the smallest") var low: Double? = nil
  @Parameter("the score at the bright end of the scale; by default the largest") var high: Double? = nil
  @Parameter("decimals in the cells", .between(0, 6)) var digits = 2
  @Output("the figure", .figure) var figure: OutputArtifact

  func run(in context: StageContext) throws {
    let all = try ScoreRows(rows)
    guard !all.rows.isEmpty else { throw InputError(message: "there are no rows") }
    let (xAxis, yAxis) = (try all.axis(x), try all.axis(y))
    let facetAxes = try facets.map(all.axis)
    let score = try all.score(value)

    var cells: [[String]: [Double]] = [:]
    for row in all.rows {
      guard let number = row.scores[score], let column = row.value(of: xAxis), let line = row.value(of: yAxis)
      else { continue }
      cells[facetAxes.map { row.value(of: $0) ?? "" } + [line, column], default: []].append(number)
    }
    let names = all.shortNames(of: all.axes)
    func values(_ axis: String) -> [String] {
      var seen = Set<String>()
      return all.rows.compactMap { $0.value(of: axis) }.filter { seen.insert($0).inserted }
    }
    var panels = [HeatmapPanel(facet: [], title: "")]
    for axis in facetAxes {
      panels = panels.flatMap { panel in
        values(axis).map { value in
          let heading = "\(names[axis]!) \(value)"
          return HeatmapPanel(
            facet: panel.facet + [value], title: panel.title.isEmpty ? heading : "\(panel.title), \(heading)")
        }
      }
    }
    let drawing = HeatmapDrawing(
      title: title ?? value, xName: names[xAxis]!, yName: names[yAxis]!, columns: values(xAxis),
      lines: values(yAxis), panels: panels, cells: cells.mapValues(ScoreRows.mean), low: low, high: high,
      digits: digits
    )
    try Data(drawing.svg.utf8).write(to: figure.url)
  }
}

extension Heatmap: ForeseeingKind {
  func foresee(_ foresight: inout Foresight) {
    let rows = ForeseenRows(foresight, "rows")
    let facets = facets.enumerated().map { ("facets.\($0)", $1) }
    for (parameter, axis) in [("x", x), ("y", y)] + facets {
      if let problem = rows.problem(withAxis: axis) { foresight.mistake(parameter, problem) }
    }
    if let problem = rows.problem(withScore: value) { foresight.mistake("value", problem) }
  }
}
