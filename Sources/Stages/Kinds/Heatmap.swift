// Owns the stage kind `heatmap`.

import Foundation
import Workflow

struct Heatmap: StageKind {
  static let name = "heatmap"
  static let summary = "a score over two axes of a group, as an SVG figure"
  static let discussion = """
    One panel for each value of the facets; a cell is the mean over all other axes, and the figure says of how many \
    values. Axes may be named by the end of their name, as long as only one has it; a group that is an axis by its \
    name, which takes its instances' axes together: x: front, y: end is models by models. Values stand in the order of \
    the matrix; two axes over the same values have the same, so that the diagonal is one. Cells without a value are \
    hatched.
    """

  @Input("the scores; a whole group", .scores, labelled: true) var rows: [InputArtifact]
  @Parameter("the axis, or the group, from left to right") var x: String
  @Parameter("the axis, or the group, from top to bottom") var y: String
  @Parameter("the score that is the colour") var value: String
  @Parameter("axes that make panels") var facets: [String] = []
  @Parameter("above the figure; the score's name by default") var title: String? = nil
  @Parameter("the score at the dark end of the scale; by default the smallest") var low: Double? = nil
  @Parameter("the score at the bright end of the scale; by default the largest") var high: Double? = nil
  @Parameter("decimals in the cells", .between(0, 6)) var digits = 2
  @Output("the figure", .figure) var figure: OutputArtifact

  func validate() throws {
    if let low, let high, low >= high {
      throw InvalidParameter("low", "\(low) is not below high, which is \(high)")
    }
  }

  func run(in context: StageContext) throws {
    var tabulated = try ScoreRows(rows)
    guard !tabulated.rows.isEmpty else { throw InputError(message: "there are no rows") }
    let (x, y) = (try tabulated.dimension(x), try tabulated.dimension(y))
    guard x.axes != y.axes else { throw InputError(message: "x and y are both \(x.name)") }
    let facets = try facets.map(tabulated.dimension)
    let score = try tabulated.score(value)
    tabulated.rows.removeAll {
      $0.scores[score] == nil || $0.dimensionValue(of: x) == nil || $0.dimensionValue(of: y) == nil
    }
    guard !tabulated.rows.isEmpty else {
      throw InputError(message: "no row has \(x.name), \(y.name) and \(score) together")
    }
    let (columns, lines) = tabulated.axes(x, y)
    var counts: [Int] = []
    let means = tabulated.panels(facets).map { panel in
      let cells = Dictionary(grouping: panel.rows) { [$0.dimensionValue(of: y)!, $0.dimensionValue(of: x)!] }
      counts += cells.values.map(\.count)
      return (
        panel.title,
        lines.map { line in
          columns.map { column in
            cells[[line, column]].map { rows in
              (mean: ScoreRows.mean(rows.map { $0.scores[score]! }), count: rows.count)
            }
          }
        }
      )
    }
    let (least, most) = (counts.min()!, counts.max()!)
    let panels = means.map { title, cells in
      HeatmapPanel(
        title: title,
        cells: cells.map {
          $0.map { cell in
            cell.map { HeatmapCell(value: $0.mean, detail: least < most ? "n=\($0.count)" : nil) }
          }
        })
    }
    let note =
      most == 1
      ? "n = 1 in each cell"
      : least == most ? "means, n = \(most) in each cell" : "means, n = \(least) to \(most), below each"
    let drawing = HeatmapDrawing(
      title: title ?? value, xName: x.name, yName: y.name, columns: ScoreRows.dimensionTexts(columns),
      lines: ScoreRows.dimensionTexts(lines), panels: panels, scale: try scale(panels), scaleName: value,
      digits: digits, notes: [note])
    try Data(drawing.svg.utf8).write(to: figure.url)
  }

  private func scale(_ panels: [HeatmapPanel]) throws -> ClosedRange<Double> {
    let means = panels.flatMap { $0.cells.flatMap { $0.compactMap(\.self?.value) } }
    let (from, to) = (
      low ?? min(means.min()!, high ?? .infinity), high ?? max(means.max()!, low ?? -.infinity)
    )
    return from...to
  }
}

extension ScoreRows {
  /// The values from left to right and from top to bottom. Where both are of the same things (`x.cut` and `y.cut`, or
  /// models and models) they are the same, though conditions may have left some out on one side.
  fileprivate func axes(_ x: Dimension, _ y: Dimension) -> (columns: [[String]], lines: [[String]]) {
    func shown(_ dimension: Dimension) -> Set<[String]> {
      Set(rows.compactMap { $0.dimensionValue(of: dimension) })
    }
    func lastWord(_ dimension: Dimension) -> Substring? {
      dimension.axes.count > 1 ? "" : dimension.axes[0].split(whereSeparator: { "._".contains($0) }).last
    }
    if lastWord(x) == lastWord(y), !shown(x).isDisjoint(with: shown(y)) {
      let values = orderedValues(of: [x, y])
      return (values, values)
    }
    return (orderedValues(of: [x]), orderedValues(of: [y]))
  }

  /// The rows of each panel, in the order of the facets' values; panels without rows are left out.
  fileprivate func panels(_ facets: [Dimension]) -> [(title: String, rows: [ScoreRow])] {
    var panels = [(title: "", rows: rows)]
    for facet in facets {
      let values = orderedValues(of: [facet])
      let texts = ScoreRows.dimensionTexts(values)
      panels = panels.flatMap { panel in
        zip(values, texts).map { value, text in
          (
            (panel.title.isEmpty ? "" : panel.title + ", ") + "\(facet.name) \(text)",
            panel.rows.filter { $0.dimensionValue(of: facet) == value }
          )
        }
      }
    }
    return panels.filter { !$0.rows.isEmpty }
  }
}

extension Heatmap: ForeseeingKind {
  func foresee(_ foresight: inout Foresight) {
    let rows = ForeseenRows(foresight, "rows")
    let facets = facets.enumerated().map { ("facets.\($0)", $1) }
    for (parameter, axis) in [("x", x), ("y", y)] + facets {
      if let problem = rows.problem(withDimension: axis) { foresight.mistake(parameter, problem) }
    }
    if let problem = rows.problem(withScore: value) { foresight.mistake("value", problem) }
  }
}
