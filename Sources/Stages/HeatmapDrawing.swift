// Owns how a heatmap looks: panels of cells with their numbers, axes, one colour scale for all, and what there is to
// know of the cells.

import Foundation

/// What a cell shows.
struct HeatmapCell {
  var mean: Double
  /// How many values it is the mean of.
  var count: Int
}

/// One panel: its cells by line and column, nil where there is no value.
struct HeatmapPanel {
  var title: String
  var cells: [[HeatmapCell?]]
}

/// A heatmap as SVG 1.1. Colours run along viridis (van der Walt & Smith, 2015), which reads in grey and for
/// colour-blind eyes. It has a background of its own, so that it reads on dark pages too.
struct HeatmapDrawing {
  let title: String
  let xName: String
  let yName: String
  let columns: [String]
  let lines: [String]
  let panels: [HeatmapPanel]
  /// The numbers at the dark and the bright end.
  let scale: ClosedRange<Double>
  let digits: Int

  private let gap = 28.0
  private let lineHeight = 16.0

  private var cells: [HeatmapCell] { panels.flatMap { $0.cells.flatMap { $0.compactMap(\.self) } } }
  /// Whether each cell has to tell of how many values it is.
  private var countsDiffer: Bool { Set(cells.map(\.count)).count > 1 }
  private var numberSize: Double { columns.count > 16 ? 9 : 11 }

  /// Sizes of the parts, all in pixels.
  private struct FigureSheet {
    var cell: (width: Double, height: Double)
    /// Left of and below the cells, for names and values of the axes.
    var (left, below) = (0.0, 0.0)
    var isTilted: Bool
    var headings: [[String]]
    var heading: Double
    var panel: (width: Double, height: Double)
  }

  private var sheet: FigureSheet {
    let longest = cells.map { width(fixed($0.mean, digits: digits), size: numberSize) }.max() ?? 0
    let cell = (width: max(columns.count > 16 ? 26 : 40, longest + 10), height: countsDiffer ? 36.0 : 28.0)
    let columnWidth = columns.map { width($0) }.max() ?? 0
    let isTilted = columnWidth > cell.width - 6
    // Tilted by 45°, a text reaches as far down as to the left.
    let reach = columnWidth * 0.71
    let names = Double(wrapped(yName, Double(lines.count) * cell.height).count) * lineHeight
    let left = max(names + 14 + (lines.map { width($0) }.max() ?? 0), isTilted ? reach - cell.width / 2 : 0)
    let grid = (width: Double(columns.count) * cell.width, height: Double(lines.count) * cell.height)
    let content = max(grid.width, 120)
    let below =
      (isTilted ? reach + 14 : 20) + Double(wrapped(xName, content).count) * lineHeight + 4
    let headings = panels.map { wrapped($0.title, content, size: 12.5) }
    let heading = Double(headings.map(\.count).max() ?? 0) * lineHeight + 6
    return FigureSheet(
      cell: cell, left: left, below: below, isTilted: isTilted, headings: headings, heading: heading,
      panel: (left + content, heading + grid.height + below))
  }

  var svg: String {
    let sheet = sheet
    let across = HeatmapDrawing.across(panels.count, sheet.panel.width + gap, sheet.panel.height + gap)
    let down = (panels.count + across - 1) / across
    let scaleWidth = 30 + (ticks.map { width($0.text) }.max() ?? 0)
    let notes = notes
    let contentWidth = Double(across) * (sheet.panel.width + gap) + max(scaleWidth, 60) + 20
    let totalWidth = max(contentWidth, 280)
    let titles = wrapped(title, totalWidth - 40, size: 17)
    let top = 20 + Double(titles.count) * 22 + 8
    let bottom = Double(notes.count + (hasGaps ? 1 : 0)) * 18 + 12
    let height = top + max(Double(down) * (sheet.panel.height + gap), 130) + bottom

    var out = """
      <svg xmlns="http://www.w3.org/2000/svg" width="\(n(totalWidth))" height="\(n(height))" \
      viewBox="0 0 \(n(totalWidth)) \(n(height))" font-family="Helvetica, Arial, sans-serif" font-size="12" \
      fill="#1a1a1a">
      <defs><pattern id="missing" width="6" height="6" patternUnits="userSpaceOnUse" \
      patternTransform="rotate(45)"><rect width="6" height="6" fill="#f2f2f2"/>\
      <rect width="1.5" height="6" fill="#b8b8b8"/></pattern></defs>
      <rect width="100%" height="100%" fill="white"/>

      """
    for (i, line) in titles.enumerated() {
      out += text(line, x: 20, y: 34 + Double(i) * 22, attributes: #"font-size="17" font-weight="bold""#)
    }
    for (i, panel) in panels.enumerated() {
      let x = 20 + Double(i % across) * (sheet.panel.width + gap)
      let y = top + Double(i / across) * (sheet.panel.height + gap)
      draw(panel, sheet.headings[i], sheet, x: x, y: y, into: &out)
    }
    drawScale(
      x: 20 + Double(across) * (sheet.panel.width + gap), y: top + sheet.heading,
      height: min(240, max(90, Double(lines.count) * sheet.cell.height)), into: &out)
    var y = height - bottom + 8
    if hasGaps {
      out += rectangle(x: 20, y: y - 11, width: 16, height: 13, fill: "url(#missing)")
      out += text("no value", x: 42, y: y, attributes: #"fill="\#(grey)""#)
      y += 18
    }
    for note in notes {
      out += text(note, x: 20, y: y, attributes: #"fill="\#(grey)""#)
      y += 18
    }
    return out + "</svg>\n"
  }

  /// How many panels stand side by side: so many that the figure is a little wider than high, with few empty places.
  private static func across(_ count: Int, _ width: Double, _ height: Double) -> Int {
    (1...max(count, 1)).filter { $0 == 1 || Double($0) * width <= 1600 }.min { a, b in
      func cost(_ across: Int) -> Double {
        let down = (count + across - 1) / across
        let aspect = Double(across) * width / (Double(down) * height)
        return abs(log(aspect / 1.5)) + 0.75 * Double(across * down - count)
      }
      return cost(a) < cost(b)
    }!
  }

  private var hasGaps: Bool { panels.contains { $0.cells.contains { $0.contains { $0 == nil } } } }

  /// What the cells are.
  private var notes: [String] {
    let counts = cells.map(\.count)
    let (least, most) = (counts.min() ?? 0, counts.max() ?? 0)
    if most <= 1 { return ["n = 1 in each cell"] }
    return [least == most ? "means, n = \(most) in each cell" : "means, n = \(least) to \(most), below each"]
  }

  private func draw(
    _ panel: HeatmapPanel, _ heading: [String], _ sheet: FigureSheet, x: Double, y: Double,
    into out: inout String
  ) {
    let cell = sheet.cell
    let (left, top) = (x + sheet.left, y + sheet.heading)
    let bottom = top + Double(lines.count) * cell.height
    let right = left + Double(columns.count) * cell.width
    for (i, line) in heading.enumerated() {
      out += text(line, x: left, y: y + 10 + Double(i) * lineHeight, attributes: #"font-weight="bold""#)
    }
    for (row, line) in lines.enumerated() {
      let cellY = top + Double(row) * cell.height
      out += text(line, x: left - 6, y: cellY + cell.height / 2 + 4, attributes: #"text-anchor="end""#)
      for column in columns.indices {
        let cellX = left + Double(column) * cell.width
        guard let value = panel.cells[row][column] else {
          out += rectangle(
            x: cellX, y: cellY, width: cell.width - 1, height: cell.height - 1, fill: "url(#missing)")
          continue
        }
        let share = share(value.mean)
        out += rectangle(
          x: cellX, y: cellY, width: cell.width - 1, height: cell.height - 1, fill: viridis(share))
        let ink = share < 0.6 ? "white" : "black"
        let centre = (x: cellX + (cell.width - 1) / 2, y: cellY + cell.height / 2)
        out += text(
          fixed(value.mean, digits: digits), x: centre.x, y: centre.y + (countsDiffer ? -1 : 4),
          attributes: "text-anchor=\"middle\" font-size=\"\(n(numberSize))\" fill=\"\(ink)\"")
        if countsDiffer {
          out += text(
            "n=\(value.count)", x: centre.x, y: centre.y + 11,
            attributes: "text-anchor=\"middle\" font-size=\"8\" fill=\"\(ink)\"")
        }
      }
    }
    for (i, column) in columns.enumerated() {
      let centre = left + (Double(i) + 0.5) * cell.width
      let turned = "text-anchor=\"end\" transform=\"rotate(-45 \(n(centre + 4)) \(n(bottom + 12)))\""
      out += text(
        column, x: centre + (sheet.isTilted ? 4 : 0), y: bottom + (sheet.isTilted ? 12 : 16),
        attributes: sheet.isTilted ? turned : "text-anchor=\"middle\"")
    }
    let names = wrapped(xName, max(right - left, 120))
    for (i, line) in names.enumerated() {
      let up = Double(names.count - 1 - i) * lineHeight
      out += text(
        line, x: (left + right) / 2, y: bottom + sheet.below - 6 - up,
        attributes: #"text-anchor="middle" fill="\#(grey)""#)
    }
    let middle = (top + bottom) / 2
    for (i, line) in wrapped(yName, Double(lines.count) * cell.height).enumerated() {
      let place = x + 10 + Double(i) * lineHeight
      out += text(
        line, x: place, y: middle,
        attributes:
          "text-anchor=\"middle\" fill=\"\(grey)\" transform=\"rotate(-90 \(n(place)) \(n(middle)))\"")
    }
  }

  private func drawScale(x: Double, y: Double, height: Double, into out: inout String) {
    let steps = 48
    for i in 0..<steps {
      let share = 1 - (Double(i) + 0.5) / Double(steps)
      out += rectangle(
        x: x, y: y + Double(i) * height / Double(steps), width: 14, height: height / Double(steps) + 0.5,
        fill: viridis(share))
    }
    for tick in ticks {
      out += text(tick.text, x: x + 19, y: y + (1 - tick.share) * height + 4, attributes: "")
    }
  }

  /// Numbers along the scale, with as many decimals as tell them apart, evenly; one where all cells are the same.
  private var ticks: [(share: Double, text: String)] {
    let (low, high) = (scale.lowerBound, scale.upperBound)
    guard low < high else { return [(0.5, fixed(low, digits: digits))] }
    let ticks = [0, 0.25, 0.5, 0.75, 1].map { (share: $0, value: low + $0 * (high - low)) }
    for digits in digits...12 {
      let texts = ticks.map { fixed($0.value, digits: digits) }
      let isEven = zip(ticks, texts).allSatisfy { abs(Double($1)! - $0.value) < 0.02 * (high - low) }
      if isEven, Set(texts).count == texts.count { return zip(ticks, texts).map { ($0.share, $1) } }
    }
    return [(0, "\(low)"), (1, "\(high)")]
  }

  /// Where a number stands on the scale, from 0 to 1; in the middle where all are the same.
  private func share(_ number: Double) -> Double {
    let (low, high) = (scale.lowerBound, scale.upperBound)
    return low < high ? min(max((number - low) / (high - low), 0), 1) : 0.5
  }

  // MARK: SVG

  private let grey = "#555555"

  /// About as wide as Helvetica sets it.
  private func width(_ text: String, size: Double = 12) -> Double { 0.6 * size * Double(text.count) }

  /// Lines no wider than `limit`, broken between words, inside of one only where it doesn't fit by itself.
  private func wrapped(_ text: String, _ limit: Double, size: Double = 12) -> [String] {
    let most = max(4, Int(limit / width("x", size: size)))
    var lines: [String] = []
    for word in text.split(whereSeparator: \.isWhitespace) {
      if let last = lines.last, last.count + 1 + word.count <= most {
        lines[lines.count - 1] = last + " " + word
      } else {
        var rest = word
        while rest.count > most {
          lines.append(String(rest.prefix(most)))
          rest = rest.dropFirst(most)
        }
        lines.append(String(rest))
      }
    }
    return lines
  }

  private func rectangle(x: Double, y: Double, width: Double, height: Double, fill: String) -> String {
    "<rect x=\"\(n(x))\" y=\"\(n(y))\" width=\"\(n(width))\" height=\"\(n(height))\" fill=\"\(fill)\"/>\n"
  }

  private func text(_ content: String, x: Double, y: Double, attributes: String) -> String {
    "<text x=\"\(n(x))\" y=\"\(n(y))\"\(attributes.isEmpty ? "" : " ")\(attributes)>\(escaped(content))</text>\n"
  }

  private func n(_ value: Double) -> String { fixed(value, digits: 1) }

  private func escaped(_ text: String) -> String {
    // XML has no control characters, whatever a label is called.
    let printable = String(
      String.UnicodeScalarView(text.unicodeScalars.map { $0.value < 0x20 ? "\u{FFFD}" : $0 }))
    return printable.replacing("&", with: "&amp;").replacing("<", with: "&lt;").replacing(">", with: "&gt;")
  }

  /// Viridis between nine of its colours, linearly.
  private func viridis(_ share: Double) -> String {
    let stops: [(Double, Double, Double)] = [
      (68, 1, 84), (71, 44, 122), (59, 81, 139), (44, 113, 142), (33, 144, 141), (39, 173, 129),
      (92, 200, 99), (170, 220, 50), (253, 231, 37),
    ]
    let at = min(max(share, 0), 1) * Double(stops.count - 1)
    let i = min(Int(at), stops.count - 2)
    let (a, b, t) = (stops[i], stops[i + 1], at - Double(i))
    return String(
      format: "#%02x%02x%02x", Int(a.0 + (b.0 - a.0) * t), Int(a.1 + (b.1 - a.1) * t),
      Int(a.2 + (b.2 - a.2) * t))
  }
}
