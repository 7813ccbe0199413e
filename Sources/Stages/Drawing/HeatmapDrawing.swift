// Owns how a heatmap looks: panels of cells with their numbers, axes, one colour scale for all, and what there is to
// know of the cells.

import Foundation

/// What a cell shows.
struct HeatmapCell {
  /// Its colour, and the number in it.
  var value: Double
  /// What stands below the number, smaller; nil: nothing.
  var detail: String? = nil
}

/// One panel: its cells by line and column, nil where there is no value.
struct HeatmapPanel {
  var title: String
  var cells: [[HeatmapCell?]]
}

/// A heatmap. Where there are too many columns for numbers, colours alone are left.
struct HeatmapDrawing {
  let title: String
  let xName: String
  let yName: String
  let columns: [String]
  let lines: [String]
  let panels: [HeatmapPanel]
  /// The numbers at the dark and the bright end.
  let scale: ClosedRange<Double>
  /// What the colours are of.
  let scaleName: String
  let digits: Int
  /// What the cells are, below the figure.
  let notes: [String]

  private let gap = 28.0
  private let lineHeight = 16.0

  private var cells: [HeatmapCell] { panels.flatMap { $0.cells.flatMap { $0.compactMap(\.self) } } }
  private var showsNumbers: Bool { columns.count <= 30 }
  private var hasDetails: Bool { showsNumbers && cells.contains { $0.detail != nil } }
  private var numberSize: Double { columns.count > 16 ? 9 : 11 }
  private var nameSize: Double { showsNumbers ? 12 : 8 }

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
    let longest = cells.map { textWidth(fixed($0.value, digits: digits), size: numberSize) }.max() ?? 0
    let cell =
      showsNumbers
      ? (width: max(columns.count > 16 ? 26 : 40, longest + 10), height: hasDetails ? 36.0 : 28.0)
      : (width: 12, height: 12)
    let columnWidth = columns.map { textWidth($0, size: nameSize) }.max() ?? 0
    let isTilted = columnWidth > cell.width - 6
    // Tilted by 45°, a text reaches as far down as to the left.
    let reach = columnWidth * 0.71
    let names = Double(wrappedText(yName, Double(lines.count) * cell.height).count) * lineHeight
    let left = max(
      names + 14 + (lines.map { textWidth($0, size: nameSize) }.max() ?? 0),
      isTilted ? reach - cell.width / 2 : 0)
    let grid = (width: Double(columns.count) * cell.width, height: Double(lines.count) * cell.height)
    let content = max(grid.width, 120)
    let below =
      (isTilted ? reach + 14 : 20) + Double(wrappedText(xName, content).count) * lineHeight + 4
    let headings = panels.map { wrappedText($0.title, content, size: 12.5) }
    let heading = Double(headings.map(\.count).max() ?? 0) * lineHeight + 6
    return FigureSheet(
      cell: cell, left: left, below: below, isTilted: isTilted, headings: headings, heading: heading,
      panel: (left + content, heading + grid.height + below))
  }

  var svg: String {
    let sheet = sheet
    let across = HeatmapDrawing.across(panels.count, sheet.panel.width + gap, sheet.panel.height + gap)
    let down = (panels.count + across - 1) / across
    let scaleWidth = 30 + (ticks.map { textWidth($0.text) }.max() ?? 0)
    let scaleNames = wrappedText(scaleName, 110)
    let contentWidth = Double(across) * (sheet.panel.width + gap) + max(scaleWidth, 110) + 20
    let totalWidth = max(contentWidth, 280)
    let titles = wrappedText(title, totalWidth - 40, size: 17)
    let top = 20 + Double(titles.count) * 22 + 8
    let bottom = Double(notes.count + (hasGaps ? 1 : 0)) * 18 + 12
    let scaleTop = max(sheet.heading, Double(scaleNames.count) * lineHeight + 10)
    let height = top + max(Double(down) * (sheet.panel.height + gap), scaleTop + 120) + bottom

    var page = SVGPage()
    for (i, line) in titles.enumerated() {
      page.text(line, x: 20, y: 34 + Double(i) * 22, attributes: #"font-size="17" font-weight="bold""#)
    }
    for (i, panel) in panels.enumerated() {
      let x = 20 + Double(i % across) * (sheet.panel.width + gap)
      let y = top + Double(i / across) * (sheet.panel.height + gap)
      draw(panel, sheet.headings[i], sheet, x: x, y: y, into: &page)
    }
    drawScale(
      scaleNames, x: 20 + Double(across) * (sheet.panel.width + gap), y: top + scaleTop,
      height: min(240, max(90, Double(lines.count) * sheet.cell.height)), into: &page)
    var y = height - bottom + 8
    if hasGaps {
      page.rectangle(x: 20, y: y - 11, width: 16, height: 13, fill: "url(#missing)")
      page.text("no value", x: 42, y: y, attributes: "fill=\"\(SVGPage.grey)\"")
      y += 18
    }
    for note in notes {
      page.text(note, x: 20, y: y, attributes: "fill=\"\(SVGPage.grey)\"")
      y += 18
    }
    return page.document(width: totalWidth, height: height, definitions: hatching)
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

  private var hatching: String {
    """
    <pattern id="missing" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">\
    <rect width="6" height="6" fill="#f2f2f2"/><rect width="1.5" height="6" fill="#b8b8b8"/></pattern>
    """
  }

  private func draw(
    _ panel: HeatmapPanel, _ heading: [String], _ sheet: FigureSheet, x: Double, y: Double,
    into page: inout SVGPage
  ) {
    let cell = sheet.cell
    let (left, top) = (x + sheet.left, y + sheet.heading)
    let bottom = top + Double(lines.count) * cell.height
    let right = left + Double(columns.count) * cell.width
    for (i, line) in heading.enumerated() {
      page.text(line, x: left, y: y + 10 + Double(i) * lineHeight, attributes: #"font-weight="bold""#)
    }
    for (row, line) in lines.enumerated() {
      let cellY = top + Double(row) * cell.height
      page.text(
        line, x: left - 6, y: cellY + cell.height / 2 + nameSize / 3,
        attributes: "text-anchor=\"end\"" + nameAttributes)
      for column in columns.indices {
        let cellX = left + Double(column) * cell.width
        guard let value = panel.cells[row][column] else {
          page.rectangle(
            x: cellX, y: cellY, width: cell.width - 1, height: cell.height - 1, fill: "url(#missing)")
          continue
        }
        let share = share(value.value)
        page.rectangle(
          x: cellX, y: cellY, width: cell.width - 1, height: cell.height - 1, fill: viridis(share))
        guard showsNumbers else { continue }
        let ink = share < 0.6 ? "white" : "black"
        let centre = (x: cellX + (cell.width - 1) / 2, y: cellY + cell.height / 2)
        page.text(
          fixed(value.value, digits: digits), x: centre.x, y: centre.y + (hasDetails ? -1 : 4),
          attributes: "text-anchor=\"middle\" font-size=\"\(Int(numberSize))\" fill=\"\(ink)\"")
        if let detail = value.detail {
          page.text(
            detail, x: centre.x, y: centre.y + 11,
            attributes: "text-anchor=\"middle\" font-size=\"9\" fill=\"\(ink)\"")
        }
      }
    }
    for (i, column) in columns.enumerated() {
      let centre = left + (Double(i) + 0.5) * cell.width
      if sheet.isTilted {
        page.tiltedText(column, x: centre + 4, y: bottom + 12, attributes: nameAttributes)
      } else {
        page.text(column, x: centre, y: bottom + 16, attributes: "text-anchor=\"middle\"" + nameAttributes)
      }
    }
    let names = wrappedText(xName, max(right - left, 120))
    for (i, line) in names.enumerated() {
      let up = Double(names.count - 1 - i) * lineHeight
      page.text(
        line, x: (left + right) / 2, y: bottom + sheet.below - 6 - up,
        attributes: "text-anchor=\"middle\" fill=\"\(SVGPage.grey)\"")
    }
    let middle = (top + bottom) / 2
    for (i, line) in wrappedText(yName, Double(lines.count) * cell.height).enumerated() {
      page.upwardText(line, x: x + 10 + Double(i) * lineHeight, middle: middle)
    }
  }

  private var nameAttributes: String { nameSize == 12 ? "" : " font-size=\"\(Int(nameSize))\"" }

  private func drawScale(
    _ names: [String], x: Double, y: Double, height: Double, into page: inout SVGPage
  ) {
    for (i, line) in names.enumerated() {
      page.text(
        line, x: x, y: y - 14 - Double(names.count - 1 - i) * lineHeight,
        attributes: "fill=\"\(SVGPage.grey)\"")
    }
    let steps = 48
    for i in 0..<steps {
      let share = 1 - (Double(i) + 0.5) / Double(steps)
      page.rectangle(
        x: x, y: y + Double(i) * height / Double(steps), width: 14, height: height / Double(steps) + 0.5,
        fill: viridis(share))
    }
    for tick in ticks {
      page.text(tick.text, x: x + 19, y: y + (1 - tick.share) * height + 4)
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
}
