// Owns how a heatmap looks: panels of cells with their numbers, axes, and one colour scale for all.

import Foundation

/// One panel: the values of the facet axes that select it.
struct HeatmapPanel {
  var facet: [String]
  var title: String
}

/// A heatmap as SVG 1.1. Colours run along viridis (van der Walt & Smith, 2015), which reads in grey and for
/// colour-blind eyes.
struct HeatmapDrawing {
  var title: String
  var xName: String
  var yName: String
  var columns: [String]
  var lines: [String]
  var panels: [HeatmapPanel]
  /// Facet values, line, column → the number.
  var cells: [[String]: Double]
  var low: Double?
  var high: Double?
  var digits: Int

  private let cell = (width: 52.0, height: 30.0)
  private let gap = 28.0

  var svg: String {
    let shown = panels.filter { panel in cells.keys.contains { $0.starts(with: panel.facet) } }
    let scale = (low ?? cells.values.min() ?? 0, high ?? cells.values.max() ?? 1)
    let left = 40 + 7 * Double(lines.map(\.count).max() ?? 0)
    let tilted = columns.contains { $0.count > 7 }
    let bottom = tilted ? 30 + 5 * Double(columns.map(\.count).max() ?? 0) : 44
    let headings = 7.5 * Double(shown.map(\.title.count).max() ?? 0)
    let panelWidth = left + max(Double(columns.count) * cell.width, headings)
    let panelHeight = 26 + Double(lines.count) * cell.height + bottom
    let across = max(1, min(shown.count, Int(1500 / (panelWidth + gap))))
    let down = (shown.count + across - 1) / max(across, 1)
    let width = Double(across) * (panelWidth + gap) + 90
    let height = 50 + Double(down) * (panelHeight + gap)

    var out = """
      <svg xmlns="http://www.w3.org/2000/svg" width="\(n(width))" height="\(n(height))" \
      viewBox="0 0 \(n(width)) \(n(height))" font-family="Helvetica, Arial, sans-serif" font-size="12">
      <rect width="100%" height="100%" fill="white"/>
      <text x="20" y="30" font-size="17" font-weight="bold">\(escaped(title))</text>

      """
    for (i, panel) in shown.enumerated() {
      let x = 20 + Double(i % across) * (panelWidth + gap)
      let y = 50 + Double(i / across) * (panelHeight + gap)
      draw(panel, x: x, y: y, left: left, tilted: tilted, scale: scale, into: &out)
    }
    drawScale(scale, x: width - 74, y: 76, height: max(90, min(240, height - 130)), into: &out)
    return out + "</svg>\n"
  }

  private func draw(
    _ panel: HeatmapPanel, x: Double, y: Double, left: Double, tilted: Bool, scale: (Double, Double),
    into out: inout String
  ) {
    let top = y + 26
    let bottom = top + Double(lines.count) * cell.height
    let right = x + left + Double(columns.count) * cell.width
    if !panel.title.isEmpty {
      out += text(panel.title, x: x + left, y: y + 16, attributes: #"font-weight="bold""#)
    }
    for (row, line) in lines.enumerated() {
      let cellY = top + Double(row) * cell.height
      out += text(line, x: x + left - 6, y: cellY + 19, attributes: #"text-anchor="end""#)
      for (i, column) in columns.enumerated() {
        let cellX = x + left + Double(i) * cell.width
        let number = cells[panel.facet + [line, column]]
        let share = number.map { scale.1 > scale.0 ? ($0 - scale.0) / (scale.1 - scale.0) : 0.5 }
        let fill = share.map(viridis) ?? "#eeeeee"
        out += """
          <rect x="\(n(cellX))" y="\(n(cellY))" width="\(n(cell.width - 1))" height="\(n(cell.height - 1))" \
          fill="\(fill)"/>

          """
        if let number, let share {
          let ink = share < 0.6 ? "white" : "black"
          out += text(
            fixed(number, digits: digits), x: cellX + cell.width / 2, y: cellY + 19,
            attributes: "text-anchor=\"middle\" font-size=\"11\" fill=\"\(ink)\"")
        }
      }
    }
    for (i, column) in columns.enumerated() {
      let centre = x + left + (Double(i) + 0.5) * cell.width
      let turned = "text-anchor=\"end\" transform=\"rotate(-40 \(n(centre)) \(n(bottom + 14)))\""
      let place = tilted ? turned : "text-anchor=\"middle\""
      out += text(column, x: centre, y: bottom + 14, attributes: place)
    }
    let below = bottom + (tilted ? 24 + 5 * Double(columns.map(\.count).max() ?? 0) : 36)
    out += text(
      xName, x: (x + left + right) / 2, y: below, attributes: "text-anchor=\"middle\" fill=\"#555555\"")
    let middle = (top + bottom) / 2
    out += text(
      yName, x: x + 10, y: middle,
      attributes:
        "text-anchor=\"middle\" fill=\"#555555\" transform=\"rotate(-90 \(n(x + 10)) \(n(middle)))\"")
  }

  private func drawScale(
    _ scale: (Double, Double), x: Double, y: Double, height: Double, into out: inout String
  ) {
    let steps = 48
    for i in 0..<steps {
      let share = 1 - (Double(i) + 0.5) / Double(steps)
      out += """
        <rect x="\(n(x))" y="\(n(y + Double(i) * height / Double(steps)))" width="14" \
        height="\(n(height / Double(steps) + 0.5))" fill="\(viridis(share))"/>

        """
    }
    for share in [0.0, 0.5, 1.0] {
      let value = scale.0 + share * (scale.1 - scale.0)
      out += text(fixed(value, digits: digits), x: x + 19, y: y + (1 - share) * height + 4, attributes: "")
    }
  }

  private func text(_ content: String, x: Double, y: Double, attributes: String) -> String {
    "<text x=\"\(n(x))\" y=\"\(n(y))\"\(attributes.isEmpty ? "" : " ")\(attributes)>\(escaped(content))</text>\n"
  }

  private func n(_ value: Double) -> String { fixed(value, digits: 1) }

  private func escaped(_ text: String) -> String {
    text.replacing("&", with: "&amp;").replacing("<", with: "&lt;").replacing(">", with: "&gt;")
  }

  /// Viridis between nine of its colours, linearly.
  private func viridis(_ share: Double) -> String {
    let stops: [(Double, Double, Double)] = [
      (68, 1, 84), (71, 44, 122), (59, 81, 139), (44, 113, 142), (33, 144, 141), (39, 173, 129),
      (92, 200, 99),
      (170, 220, 50), (253, 231, 37),
    ]
    let at = min(max(share, 0), 1) * Double(stops.count - 1)
    let i = min(Int(at), stops.count - 2)
    let (a, b, t) = (stops[i], stops[i + 1], at - Double(i))
    return String(
      format: "#%02x%02x%02x", Int(a.0 + (b.0 - a.0) * t), Int(a.1 + (b.1 - a.1) * t),
      Int(a.2 + (b.2 - a.2) * t))
  }
}
