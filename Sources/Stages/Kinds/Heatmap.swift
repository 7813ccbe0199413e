// Owns the stage kind `heatmap`.

import Canonical
import Statistics
import Workflow

struct Heatmap: StageKind {
  static let name = "heatmap"
  static let summary = "a score over two axes of a group, as a figure (SVG, Vega-Lite)"
  static let discussion = """
    One panel for each value of the facets; a cell is the mean over all other axes, with its sample standard deviation \
    below, and the figure says over which axes and of how many values; with `over`, it is an error that others differ. Axes may be named by the end of their name, as long as only one has it; a group that is an axis by its \
    name, which takes its instances' axes together: x: front, y: end is models by models. Values stand in the order of \
    the matrix; two axes over the same values have the same, so that the diagonal is one. Cells without a value are \
    hatched. `vega_lite` has of each cell value, n, std and an interval for the mean (low, high).
    """

  @Input("the scores; a whole group", .scores, labelled: true) var rows: [InputArtifact]
  @Parameter("the axis, or the group, from left to right") var x: String
  @Parameter("the axis, or the group, from top to bottom") var y: String
  @Parameter("the score that is the colour") var value: String
  @Parameter("axes that make panels") var facets: [String] = []
  @Parameter("axes that cells may be means over, such as [seed]; by default all others") var over: [String] =
    []
  @Parameter("what stands below each mean, up to 16 columns: std, interval or none") var spread = BandChoice
    .std
  @Parameter("of the means") var interval = IntervalChoice(StudentWords())
  @Parameter("above the figure; the score's name by default") var title: String? = nil
  @Parameter("the score at the dark end of the scale; by default the smallest") var low: Double? = nil
  @Parameter("the score at the bright end of the scale; by default the largest") var high: Double? = nil
  @Parameter("decimals in the cells", .between(0, 6)) var digits = 2
  @Output("the figure", .figure) var figure: OutputArtifact
  @Output("the figure as a description with its data", .vegaLite) var vegaLite: OutputArtifact

  func validate() throws { try requireEnds(low: low, high: high) }

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
    let blocks = tabulated.scorePanels(facets).map { panel in
      (
        title: panel.title,
        cells: Dictionary(grouping: panel.rows) { [$0.dimensionValue(of: y)!, $0.dimensionValue(of: x)!] }
      )
    }
    let mixed = tabulated.axes.filter { axis in
      blocks.contains { $0.cells.values.contains { rows in Set(rows.map { $0.value(of: axis) }).count > 1 } }
    }
    let named = Set(try over.map(tabulated.axis))
    let short = tabulated.shortNames(of: tabulated.axes)
    if let axis = mixed.first(where: { !over.isEmpty && !named.contains($0) }) {
      throw InputError(
        message: "cells would be means over '\(short[axis]!)' too; make it a facet, or name it in over")
    }
    let counts = blocks.flatMap { $0.cells.values.map(\.count) }
    let (least, most) = (counts.min()!, counts.max()!)
    let shown = columns.count <= 16 ? spread : .none
    let panels = blocks.map { block in
      HeatmapPanel(
        title: block.title,
        cells: lines.map { line in
          columns.map { column in
            block.cells[[line, column]].map { rows in
              cell(Sample(rows.map { $0.scores[score]! }), shown, countsDiffer: least < most)
            }
          }
        })
    }
    let drawing = HeatmapDrawing(
      title: title ?? value, xName: x.name, yName: y.name, columns: ScoreRows.dimensionTexts(columns),
      lines: ScoreRows.dimensionTexts(lines), panels: panels, scale: scale(panels), digits: digits,
      notes: [note(least, most, mixed.map { short[$0]! }, shown)])
    try drawing.publish(svg: figure, vegaLite: vegaLite)
  }

  private func cell(_ sample: Sample, _ shown: BandChoice, countsDiffer: Bool) -> HeatmapCell {
    let ends = interval.method.interval(of: sample)
    var cell = HeatmapCell(value: sample.mean)
    switch shown {
    case .std: cell.details += sample.deviation.map { ["±" + fixed($0, digits: digits)] } ?? []
    case .interval:
      cell.details +=
        ends.map { [fixed($0.lowerBound, digits: digits) + "…" + fixed($0.upperBound, digits: digits)] } ?? []
    case .none: break
    }
    if countsDiffer { cell.details.append("n=\(sample.count)") }
    cell.data = ["n": .integer(sample.count)]
    cell.data["std"] = sample.deviation.map(JSON.number)
    cell.data["low"] = ends.map { .number($0.lowerBound) }
    cell.data["high"] = ends.map { .number($0.upperBound) }
    return cell
  }

  /// What the cells are.
  private func note(_ least: Int, _ most: Int, _ axes: [String], _ shown: BandChoice) -> String {
    guard most > 1 else { return "n = 1 in each cell" }
    let over = axes.isEmpty ? "" : " over \(axes.joined(separator: ", "))"
    let below =
      switch shown {
      case .std: ", ± sample standard deviation below"
      case .interval: ", \(interval.method.intervalTitle) below"
      case .none: ""
      }
    return "means\(over)\(below), "
      + (least == most ? "n = \(most) in each cell" : "n = \(least) to \(most), below each")
  }

  private func scale(_ panels: [HeatmapPanel]) -> ColourScale {
    let means = panels.flatMap { $0.cells.flatMap { $0.compactMap(\.self?.value) } }
    let (least, most) = (means.min()!, means.max()!)
    let (from, to) = (low ?? min(least, high ?? .infinity), high ?? max(most, low ?? -.infinity))
    return ColourScale(
      name: value, range: from...to, digits: digits, isCutBelow: least < from, isCutAbove: most > to)
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
}

extension Heatmap: ForeseeingKind {
  func foresee(_ foresight: inout Foresight) {
    let rows = ForeseenRows(foresight, "rows")
    let facets = facets.enumerated().map { ("facets.\($0)", $1) }
    for (parameter, axis) in [("x", x), ("y", y)] + facets {
      if let problem = rows.problem(withDimension: axis) { foresight.mistake(parameter, problem) }
    }
    for (i, axis) in over.enumerated() {
      if let problem = rows.problem(withAxis: axis) { foresight.mistake("over.\(i)", problem) }
    }
    if let problem = rows.problem(withScore: value) { foresight.mistake("value", problem) }
  }
}
