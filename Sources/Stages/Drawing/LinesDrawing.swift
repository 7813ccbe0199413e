// Owns how lines look: panels of means along an axis, bands around them, and a legend.

import Canonical

/// What a line shows at one place.
struct LinePoint {
  /// Where along the axis: a number, or the position of a word.
  var at: Double
  var mean: Double
  var count: Int
  var deviation: Double? = nil
  /// Nil: nothing is known of the spread.
  var band: ClosedRange<Double>? = nil
}

/// One panel: a line for each name of the legend, from left to right, perhaps without any point.
struct LinePanel {
  var title: String
  /// What is written along the vertical axis.
  var yName: String
  var lines: [[LinePoint]]
}

struct LinesDrawing: Figure {
  /// What stands along the lower axis.
  enum Places {
    case words([String])
    /// Counted from 1.
    case counts
    case numbers
  }

  let title: String
  let xName: String
  let places: Places
  let legend: Legend
  let panels: [LinePanel]
  /// Whether panels show the same score, and so have one vertical axis.
  let isOneScore: Bool
  /// Ends of the vertical axis, where somebody wrote them.
  var low: Double? = nil
  var high: Double? = nil
  /// What the lines and bands are, with n.
  let notes: [String]

  private var xs: [Double] { panels.flatMap { $0.lines.joined().map(\.at) } }

  private var lower: LowerAxis {
    switch places {
    case .words(let words): .words(words)
    case .counts: .numbers(LinearAxis([1, xs.max() ?? 1], count: 8, isTight: true, isWhole: true))
    case .numbers: .numbers(LinearAxis(xs, count: 8))
    }
  }

  /// Of each panel; nil where it has no values.
  private var verticals: [LinearAxis?] {
    func numbers(_ panel: LinePanel) -> [Double] {
      let ends = panel.lines.joined().flatMap {
        [$0.mean] + ($0.band.map { [$0.lowerBound, $0.upperBound] } ?? [])
      }
      return ends.isEmpty
        ? [] : ends.map { min(max($0, low ?? $0), high ?? $0) } + [low, high].compactMap(\.self)
    }
    let own = panels.map(numbers)
    return own.map { numbers in
      numbers.isEmpty ? nil : LinearAxis(isOneScore ? own.flatMap(\.self) : numbers)
    }
  }

  private var layout: PlotLayout {
    PlotLayout(
      headings: panels.map { wrappedText($0.title, 340) }, lower: [lower],
      vertical: verticals.compactMap(\.self))
  }

  var svg: String {
    let (layout, lower) = (layout, lower)
    let sheet = sheet(layout)
    return sheet.document { page in
      for (i, (panel, vertical)) in zip(panels, verticals).enumerated() {
        let heading = wrappedText(panel.title, layout.plot.width)
        guard let vertical else {
          let place = sheet.place(of: i)
          for (i, line) in (heading + ["no values"]).enumerated() {
            page.text(
              line, x: place.x + layout.left, y: place.y + 12 + Double(i) * FigureSheet.lineHeight,
              i < heading.count ? .ink : .faint, isBold: i < heading.count)
          }
          continue
        }
        let frame = PlotFrame(layout, lower: lower, vertical: vertical, at: sheet.place(of: i))
        frame.draw(heading: heading, xName: xName, yName: panel.yName, into: &page)
        draw(panel, in: frame, into: &page)
      }
      legend.draw(at: sheet.sidePlace, into: &page)
    }
  }

  private func sheet(_ layout: PlotLayout) -> FigureSheet {
    FigureSheet(title: title, panel: layout.panel, panels: panels.count, side: legend.size, notes: notes)
  }

  private func draw(_ panel: LinePanel, in frame: PlotFrame, into page: inout SVGPage) {
    let stops = stops
    let parts = panel.lines.enumerated().map { i, line in
      unbroken(line, stops).map { part in part.map { beside($0, i) } }
    }
    for (i, parts) in parts.enumerated() {
      let style = LineStyle(i)
      for part in parts where part.count > 1 {
        // The spread of a single place is a bar, of neighbours an area.
        for spread in part.split(whereSeparator: { $0.band == nil }) {
          let upper = spread.map { frame.place($0.at, $0.band!.upperBound) }
          let lower = spread.reversed().map { frame.place($0.at, $0.band!.lowerBound) }
          if spread.count > 1 {
            page.area(within: upper + lower, style.paint)
          } else {
            page.line(through: upper + lower, style.paint, width: 1)
          }
        }
      }
    }
    for (i, parts) in parts.enumerated() {
      let style = LineStyle(i)
      for part in parts {
        if part.count > 1 {
          page.line(
            through: part.map { frame.place($0.at, $0.mean) }, style.paint, width: 1.8, dash: style.dash)
        } else if let point = part.first, let band = point.band {
          page.line(
            through: [frame.place(point.at, band.lowerBound), frame.place(point.at, band.upperBound)],
            style.paint, width: 1.8)
        }
        // Where counts run on, points would hide the line.
        if !legend.hasPoints, part.count > 1 { continue }
        for point in part {
          let place = frame.place(point.at, point.mean)
          page.point(x: place.x, y: place.y, style.shape, style.paint, tip: tip(i, point))
        }
      }
    }
  }

  /// The places that lines have values at, in their order; nil where they are counted and a line just ends.
  private var stops: [Double]? {
    switch places {
    case .words(let words): words.indices.map(Double.init)
    case .counts: nil
    case .numbers: Set(xs).sorted()
    }
  }

  /// Parts of a line between places that it has no value at, though other lines do.
  private func unbroken(_ line: [LinePoint], _ stops: [Double]?) -> [[LinePoint]] {
    guard let stops else { return line.isEmpty ? [] : [line] }
    let known = Dictionary(uniqueKeysWithValues: line.map { ($0.at, $0) })
    return stops.split { known[$0] == nil }.map { part in part.map { known[$0]! } }
  }

  /// At a single word lines would stand in each other's place.
  private func beside(_ point: LinePoint, _ line: Int) -> LinePoint {
    guard case .words(let words) = places, words.count == 1 else { return point }
    var point = point
    point.at +=
      (Double(line) - Double(legend.names.count - 1) / 2) * min(0.1, 0.8 / Double(legend.names.count))
    return point
  }

  private func tip(_ line: Int, _ point: LinePoint) -> String {
    let name = legend.names[line].isEmpty ? "" : legend.names[line] + ", "
    let band = point.band.map {
      ", \(JSON.number($0.lowerBound).canonical) … \(JSON.number($0.upperBound).canonical)"
    }
    return "\(name)\(word(point.at)): \(JSON.number(point.mean).canonical)\(band ?? "") (n = \(point.count))"
  }

  private func word(_ at: Double) -> String {
    switch places {
    case .words(let words): words[Int(at.rounded())]
    case .counts: "\(Int(at))"
    case .numbers: JSON.number(at).canonical
    }
  }

  var vegaLite: JSON {
    var rows: [JSON] = []
    let stops = stops
    for panel in panels {
      for (name, line) in zip(legend.names, panel.lines) where !line.isEmpty {
        let known = Dictionary(uniqueKeysWithValues: line.map { ($0.at, $0) })
        // What isn't there is said, or the line would go on across it.
        for at in stops ?? line.map(\.at) {
          let x: JSON = if case .words(let words) = places { .string(words[Int(at)]) } else { .number(at) }
          let point = known[at]
          rows.append([
            "panel": .string(panel.title), "line": .string(name), "x": x,
            "mean": point.map { .number($0.mean) } ?? .null, "n": .integer(point?.count ?? 0),
            "std": point?.deviation.map(JSON.number) ?? .null,
            "low": point?.band.map { .number($0.lowerBound) } ?? .null,
            "high": point?.band.map { .number($0.upperBound) } ?? .null,
          ])
        }
      }
    }
    let x =
      if case .words(let words) = places {
        VegaLite.words("x", title: xName, words, ["axis": ["grid": true]])
      } else {
        VegaLite.numbers("x", title: xName)
      }
    let yName = Set(panels.map(\.yName)).count == 1 ? panels[0].yName : "value"
    let colour = VegaLite.lines(legend.names, title: legend.title)
    let tip = VegaLite.tip(
      [
        ("line", legend.title), ("x", xName), ("mean", "mean"), ("std", "standard deviation"),
        ("low", "from"),
        ("high", "to"), ("n", "n"),
      ])
    let layout = layout
    let scale = VegaLite.numbers("mean", title: yName, yScale)
    return VegaLite(
      title: title, notes: notes, rows: rows, panels: panels.map(\.title), across: sheet(layout).across,
      size: layout.plot,
      layers: [
        [
          "mark": ["type": "area", "opacity": 0.18, "clip": true],
          "encoding": [
            "x": x, "y": VegaLite.numbers("low", title: yName, yScale), "y2": ["field": "high"],
            "color": colour,
          ],
        ],
        ["mark": ["type": "line", "clip": true], "encoding": ["x": x, "y": scale, "color": colour]],
        [
          "mark": ["type": "point", "filled": true, "clip": true],
          "encoding": ["x": x, "y": scale, "color": colour, "tooltip": tip],
        ],
      ], ownScales: isOneScore ? [] : ["y"]
    ).description
  }

  private var yScale: [String: JSON] {
    var scale: [String: JSON] = ["zero": false]
    if let low { scale["domainMin"] = .number(low) }
    if let high { scale["domainMax"] = .number(high) }
    return ["scale": .object(scale)]
  }
}
