// Owns how paired differences look: for each score a panel, for each sort of pair a row, with a point at the mean
// difference, its interval to both sides, and a line where there is no difference.

import Canonical

/// The mean difference of some pairs.
struct DrawnDifference {
  /// Which name of the legend has been compared.
  var line: Int
  var mean: Double
  /// Nil: none is known.
  var interval: ClosedRange<Double>?
  /// How many pairs.
  var count: Int
}

/// One score.
struct DifferencesPanel {
  var title: String
  /// By row, those that there are.
  var rows: [[DrawnDifference]]
}

struct DifferencesDrawing: Figure {
  let title: String
  /// What the rows are of.
  let rowName: String
  let rows: [String]
  /// What is written along the lower axis.
  let xName: String
  let legend: Legend
  let panels: [DifferencesPanel]
  /// What points and bars are, with n.
  let notes: [String]

  private let width = 280.0
  /// Where there are many rows, they are as low as their names allow.
  private var size: Double { rows.count > 40 ? 9 : 12 }
  private var rowHeight: Double { max(size + 6, 9 * Double(legend.names.count) + 9) }
  private var height: Double { rowHeight * Double(rows.count) }
  private var left: Double { 14 + (rows.map { textWidth($0, size: size) }.max() ?? 0) + 18 }
  private let below = 2 * FigureSheet.lineHeight + 6
  private var headings: [[String]] { panels.map { wrappedText($0.title, width) } }
  private var heading: Double {
    Double(headings.map(\.count).max() ?? 0) * FigureSheet.lineHeight + 8
  }

  private var sheet: FigureSheet {
    FigureSheet(
      title: title, panel: (left + width + 10, heading + height + below), panels: panels.count,
      side: legend.size, notes: notes)
  }

  private func axis(_ panel: DifferencesPanel) -> LinearAxis {
    let numbers = panel.rows.joined().flatMap { difference in
      [difference.mean] + (difference.interval.map { [$0.lowerBound, $0.upperBound] } ?? [])
    }
    return LinearAxis(numbers + [0], count: 4)
  }

  var svg: String {
    let sheet = sheet
    return sheet.document { page in
      for (i, panel) in panels.enumerated() { draw(panel, headings[i], at: sheet.place(of: i), into: &page) }
      legend.draw(at: sheet.sidePlace, into: &page)
    }
  }

  private func draw(
    _ panel: DifferencesPanel, _ title: [String], at place: (x: Double, y: Double), into page: inout SVGPage
  ) {
    let axis = axis(panel)
    let (left, top) = (place.x + left, place.y + heading)
    let bottom = top + height
    for (i, line) in title.enumerated() {
      page.text(line, x: left, y: place.y + 12 + Double(i) * FigureSheet.lineHeight, isBold: true)
    }
    for tick in axis.ticks {
      let at = left + axis.share(tick.value) * width
      page.line(through: [(at, top), (at, bottom)], .rule, width: 1)
      page.text(tick.text, x: at, y: bottom + 16, anchor: .middle)
    }
    let zero = left + axis.share(0) * width
    page.line(through: [(zero, top), (zero, bottom)], .faint, width: 1.5)
    page.text(xName, x: left + width / 2, y: bottom + below - 4, .faint, anchor: .middle)
    page.text(rowName, x: place.x + 10, y: (top + bottom) / 2, .faint, anchor: .middle, turned: -90)
    for (i, name) in rows.enumerated() {
      let middle = top + (Double(i) + 0.5) * rowHeight
      page.text(name, x: left - 10, y: middle + size / 3, size: size, anchor: .end)
      for difference in panel.rows[i] {
        let style = LineStyle(difference.line)
        let y = middle + 9 * (Double(difference.line) - Double(legend.names.count - 1) / 2)
        if let ends = difference.interval {
          let (from, to) = (axis.share(ends.lowerBound) * width, axis.share(ends.upperBound) * width)
          page.line(through: [(left + from, y), (left + to, y)], style.paint, width: 1.8, dash: style.dash)
        }
        page.point(
          x: left + axis.share(difference.mean) * width, y: y, style.shape, style.paint, size: 3.5,
          tip: tip(name, difference))
      }
    }
  }

  private func tip(_ row: String, _ difference: DrawnDifference) -> String {
    let ends = difference.interval.map {
      ", \(JSON.number($0.lowerBound).canonical) … \(JSON.number($0.upperBound).canonical)"
    }
    let place = [row, legend.names[difference.line]].filter { !$0.isEmpty }.joined(separator: ", ")
    return "\(place): \(JSON.number(difference.mean).canonical)\(ends ?? "") (n = \(difference.count))"
  }

  var vegaLite: JSON {
    var values: [JSON] = []
    for panel in panels {
      for (row, differences) in zip(rows, panel.rows) {
        for difference in differences {
          values.append([
            "panel": .string(panel.title), "row": .string(row),
            "line": .string(legend.names[difference.line]), "difference": .number(difference.mean),
            "low": difference.interval.map { .number($0.lowerBound) } ?? .null,
            "high": difference.interval.map { .number($0.upperBound) } ?? .null,
            "n": .integer(difference.count),
          ])
        }
      }
    }
    let names: [JSON] = legend.names.map { .string($0) }
    let places: [String: JSON] = [
      "y": VegaLite.words("row", title: rowName, rows),
      "yOffset": ["field": "line", "type": "nominal", "sort": .array(names)],
      "color": VegaLite.lines(legend.names, title: legend.title),
    ]
    let tip = VegaLite.tip([
      ("row", rowName), ("line", legend.title), ("difference", "difference"), ("low", "from"),
      ("high", "to"), ("n", "n"),
    ])
    func layer(_ mark: JSON, _ more: [String: JSON]) -> JSON {
      ["mark": mark, "encoding": .object(places.merging(more) { $1 })]
    }
    return VegaLite(
      title: title, notes: notes, rows: values, panels: panels.map(\.title), across: sheet.across,
      size: (width, height),
      layers: [
        [
          "mark": ["type": "rule", "color": VegaLite.colour(.faint)],
          "encoding": ["x": ["datum": 0, "title": .string(xName)]],
        ],
        layer(
          ["type": "rule", "strokeWidth": 1.8],
          ["x": VegaLite.numbers("low", title: xName), "x2": ["field": "high"]]),
        layer(
          ["type": "point", "filled": true, "opacity": 1],
          ["x": VegaLite.numbers("difference", title: xName), "tooltip": tip]),
      ], ownScales: ["x"]
    ).description
  }
}
