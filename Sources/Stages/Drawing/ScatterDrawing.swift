// Owns how a scatter of two scores looks: panels of points, coloured by what they are of, and how the scores go together.

import Canonical

/// A point, and what it is.
struct ScatterPoint {
  var x: Double
  var y: Double
  /// Which name of the legend it belongs to.
  var line: Int
  var name: String
  /// Of how many rows it is the mean.
  var count: Int
}

struct ScatterPanel {
  /// The panel's values, and what is said of its points; each at least a line.
  var heading: [String]
  var points: [ScatterPoint]
}

struct ScatterDrawing: Figure {
  let title: String
  let xName: String
  let yName: String
  let legend: Legend
  let panels: [ScatterPanel]
  let notes: [String]

  private var points: [ScatterPoint] { panels.flatMap(\.points) }
  private var lower: LinearAxis { LinearAxis(points.map(\.x)) }
  private var vertical: LinearAxis { LinearAxis(points.map(\.y)) }

  private var headings: [[String]] { panels.map { $0.heading.flatMap { wrappedText($0, 340) } } }
  private var layout: PlotLayout {
    PlotLayout(headings: headings, lower: [.numbers(lower)], vertical: [vertical])
  }

  private func sheet(_ layout: PlotLayout) -> FigureSheet {
    FigureSheet(title: title, panel: layout.panel, panels: panels.count, side: legend.size, notes: notes)
  }

  var svg: String {
    let (layout, lower, vertical, headings) = (layout, lower, vertical, headings)
    let sheet = sheet(layout)
    return sheet.document { page in
      for (i, panel) in panels.enumerated() {
        let frame = PlotFrame(layout, lower: .numbers(lower), vertical: vertical, at: sheet.place(of: i))
        frame.draw(heading: headings[i], xName: xName, yName: yName, into: &page)
        for point in panel.points {
          let (place, style) = (frame.place(point.x, point.y), LineStyle(point.line))
          page.point(
            x: place.x, y: place.y, style.shape, style.paint, size: 3.5,
            tip:
              "\(point.name): \(JSON.number(point.x).canonical), \(JSON.number(point.y).canonical) (n = \(point.count))"
          )
        }
      }
      legend.draw(at: sheet.sidePlace, into: &page)
    }
  }

  var vegaLite: JSON {
    let names = panels.map { $0.heading.joined(separator: "; ") }
    var rows: [JSON] = []
    for (panel, name) in zip(panels, names) {
      for point in panel.points {
        rows.append([
          "panel": .string(name), "line": .string(legend.names[point.line]), "x": .number(point.x),
          "y": .number(point.y), "name": .string(point.name), "n": .integer(point.count),
        ])
      }
    }
    let layout = layout
    return VegaLite(
      title: title, notes: notes + (panels.count == 1 ? panels[0].heading : []), rows: rows, panels: names,
      across: sheet(layout).across, size: layout.plot,
      layers: [
        [
          "mark": ["type": "point", "filled": true, "size": 50],
          "encoding": [
            "x": VegaLite.numbers("x", title: xName), "y": VegaLite.numbers("y", title: yName),
            "color": VegaLite.lines(legend.names, title: legend.title),
            "tooltip": VegaLite.tip(
              [("name", "point"), ("x", xName), ("y", yName), ("line", legend.title), ("n", "n")]),
          ],
        ]
      ]
    ).description
  }
}
