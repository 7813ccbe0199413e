// Owns how a heatmap looks: panels of cells with their numbers, words along both sides, one colour scale for all.

import Canonical
import Foundation

/// What a cell shows.
struct HeatmapCell {
  /// Its colour, and the number in it.
  var value: Double
  /// What stands below the number, smaller, a line each.
  var details: [String] = []
  /// What else is known of it, by name.
  var data: [String: JSON] = [:]
}

/// One panel: its cells by line and column, nil where there is no value.
struct HeatmapPanel {
  var title: String
  var cells: [[HeatmapCell?]]
}

/// A heatmap. Where there are too many columns for numbers, colours alone are left.
struct HeatmapDrawing: Figure {
  let title: String
  let xName: String
  let yName: String
  let columns: [String]
  let lines: [String]
  let panels: [HeatmapPanel]
  let scale: ColourScale
  let digits: Int
  /// What the cells are, with n, below the figure.
  let notes: [String]

  private var cells: [HeatmapCell] { panels.flatMap { $0.cells.flatMap { $0.compactMap(\.self) } } }
  private var hasGaps: Bool { panels.contains { $0.cells.contains { $0.contains { $0 == nil } } } }

  /// Sizes of the parts of a panel.
  private struct PanelPlan {
    let showsNumbers: Bool
    let cell: (width: Double, height: Double)
    let numberSize: Double
    let nameSize: Double
    /// Left of and below the cells, for names and values of the axes.
    let (left, below): (Double, Double)
    let isTilted: Bool
    let headings: [[String]]
    let heading: Double
    let panel: (width: Double, height: Double)
    let (xNames, yNames): ([String], [String])
    /// Lines below the number, at most.
    let details: Int

    init(_ drawing: HeatmapDrawing) {
      let (columns, lines) = (drawing.columns, drawing.lines)
      showsNumbers = columns.count <= 30
      numberSize = columns.count > 16 ? 9 : 11
      let nameSize = showsNumbers ? 12.0 : 9
      self.nameSize = nameSize
      let size = numberSize
      let widest =
        drawing.cells.flatMap { cell in
          [textWidth(fixed(cell.value, digits: drawing.digits), size: size)]
            + cell.details.map { textWidth($0, size: 9) }
        }.max() ?? 0
      details = drawing.cells.map(\.details.count).max() ?? 0
      cell =
        showsNumbers
        ? (max(columns.count > 16 ? 26 : 40, widest + 8), 26 + 11 * Double(details)) : (12, 12)
      let columnWidth = columns.map { textWidth($0, size: nameSize) }.max() ?? 0
      isTilted = columnWidth > cell.width - 6
      // Tilted by 45°, a text reaches as far down as to the left.
      let reach = columnWidth * 0.71
      let grid = (width: Double(columns.count) * cell.width, height: Double(lines.count) * cell.height)
      let content = max(grid.width, 120)
      yNames = wrappedText(drawing.yName, max(grid.height, 60))
      xNames = wrappedText(drawing.xName, content)
      left = max(
        Double(yNames.count) * FigureSheet.lineHeight + 14
          + (lines.map { textWidth($0, size: nameSize) }.max() ?? 0),
        isTilted ? reach - cell.width / 2 : 0)
      below = (isTilted ? reach + 14 : 20) + Double(xNames.count) * FigureSheet.lineHeight + 4
      headings = drawing.panels.map { wrappedText($0.title, content) }
      heading = Double(headings.map(\.count).max() ?? 0) * FigureSheet.lineHeight + 6
      panel = (left + content, heading + max(grid.height, Double(yNames.count) * 20) + below)
    }
  }

  private func sheet(_ layout: PanelPlan) -> FigureSheet {
    let side = scale.size(beside: Double(lines.count) * layout.cell.height, hasGaps: hasGaps)
    return FigureSheet(
      title: title, panel: layout.panel, panels: panels.count,
      side: (side.width, side.height + layout.heading),
      notes: notes)
  }

  var svg: String {
    let layout = PanelPlan(self)
    let sheet = sheet(layout)
    return sheet.document { page in
      for (i, panel) in panels.enumerated() {
        draw(panel, layout.headings[i], layout, at: sheet.place(of: i), into: &page)
      }
      scale.draw(
        at: (sheet.sidePlace.x, sheet.sidePlace.y + layout.heading),
        beside: Double(lines.count) * layout.cell.height, hasGaps: hasGaps, into: &page)
    }
  }

  private func draw(
    _ panel: HeatmapPanel, _ heading: [String], _ layout: PanelPlan, at place: (x: Double, y: Double),
    into page: inout SVGPage
  ) {
    let cell = layout.cell
    let (left, top) = (place.x + layout.left, place.y + layout.heading)
    let bottom = top + Double(lines.count) * cell.height
    let right = left + Double(columns.count) * cell.width
    for (i, line) in heading.enumerated() {
      page.text(line, x: left, y: place.y + 10 + Double(i) * FigureSheet.lineHeight, isBold: true)
    }
    for (row, line) in lines.enumerated() {
      let y = top + Double(row) * cell.height
      page.text(
        line, x: left - 6, y: y + cell.height / 2 + layout.nameSize / 3, size: layout.nameSize, anchor: .end)
      for (column, name) in columns.enumerated() {
        let x = left + Double(column) * cell.width
        guard let value = panel.cells[row][column] else {
          page.gap(x: x, y: y, width: cell.width - 1, height: cell.height - 1)
          continue
        }
        let colour = scale.colour(of: value.value)
        page.rectangle(
          x: x, y: y, width: cell.width - 1, height: cell.height - 1, .fixed(colour.hex),
          tip: tip(line, name, value))
        guard layout.showsNumbers else { continue }
        let middle = x + (cell.width - 1) / 2
        let first = y + (cell.height - 11 * Double(value.details.count)) / 2 + 4
        page.text(
          fixed(value.value, digits: digits), x: middle, y: first, .fixed(colour.ink),
          size: layout.numberSize,
          anchor: .middle)
        for (i, detail) in value.details.enumerated() {
          page.text(
            detail, x: middle, y: first + 11 * Double(i + 1), .fixed(colour.ink), size: 9, anchor: .middle)
        }
      }
    }
    for (i, column) in columns.enumerated() {
      let centre = left + (Double(i) + 0.5) * cell.width
      if layout.isTilted {
        page.text(column, x: centre + 4, y: bottom + 12, size: layout.nameSize, anchor: .end, turned: -45)
      } else {
        page.text(column, x: centre, y: bottom + 16, size: layout.nameSize, anchor: .middle)
      }
    }
    for (i, line) in layout.xNames.enumerated() {
      let up = Double(layout.xNames.count - 1 - i) * FigureSheet.lineHeight
      page.text(line, x: (left + right) / 2, y: bottom + layout.below - 6 - up, .faint, anchor: .middle)
    }
    for (i, line) in layout.yNames.enumerated() {
      page.text(
        line, x: place.x + 10 + Double(i) * FigureSheet.lineHeight, y: (top + bottom) / 2, .faint,
        anchor: .middle, turned: -90)
    }
  }

  private func tip(_ line: String, _ column: String, _ cell: HeatmapCell) -> String {
    let more = cell.data.sorted { $0.key < $1.key }.map { ", \($0.key) \($0.value.canonical)" }
    return "\(yName) \(line), \(xName) \(column): \(JSON.number(cell.value).canonical)\(more.joined())"
  }

  var vegaLite: JSON {
    let layout = PanelPlan(self)
    var rows: [JSON] = []
    var names: Set<String> = []
    for panel in panels {
      for (line, cells) in zip(lines, panel.cells) {
        for (column, cell) in zip(columns, cells) {
          var row: [String: JSON] = [
            "panel": .string(panel.title), "x": .string(column), "y": .string(line), "value": .null,
          ]
          if let cell {
            row["value"] = .number(cell.value)
            row["ink"] = .string(scale.colour(of: cell.value).ink)
            row["text"] = .string(
              ([fixed(cell.value, digits: digits)] + cell.details).joined(separator: "\n"))
            names.formUnion(cell.data.keys)
            row.merge(cell.data) { $1 }
          }
          rows.append(.object(row))
        }
      }
    }
    let places: [String: JSON] = [
      "x": VegaLite.words("x", title: xName, columns, ["axis": ["labelAngle": layout.isTilted ? -45 : 0]]),
      "y": VegaLite.words("y", title: yName, lines),
    ]
    func layer(_ mark: JSON, _ filter: String, _ more: [String: JSON]) -> JSON {
      [
        "mark": mark, "transform": [["filter": .string(filter)]],
        "encoding": .object(places.merging(more) { $1 }),
      ]
    }
    let tip = VegaLite.tip(
      [("y", yName), ("x", xName), ("value", scale.name)] + names.sorted().map { ($0, $0) })
    var layers = [
      layer("rect", "isValid(datum.value)", ["color": scale.vegaLite, "tooltip": tip]),
      layer(["type": "text", "text": "–", "color": VegaLite.colour(.faint)], "!isValid(datum.value)", [:]),
    ]
    if layout.showsNumbers {
      layers.append(
        layer(
          [
            "type": "text", "lineBreak": "\n", "fontSize": .number(layout.numberSize), "lineHeight": 11,
            "baseline": "middle", "dy": .number(-5.5 * Double(layout.details)),
          ],
          "isValid(datum.value)",
          [
            "text": ["field": "text", "type": "nominal"],
            "color": [
              "condition": ["test": "datum.ink === 'white'", "value": "white"], "value": "black",
            ],
          ]))
    }
    return VegaLite(
      title: title, notes: notes + (hasGaps ? ["–: no value"] : []), rows: rows, panels: panels.map(\.title),
      across: sheet(layout).across,
      size: (Double(columns.count) * layout.cell.width, Double(lines.count) * layout.cell.height),
      layers: layers
    ).description
  }
}
