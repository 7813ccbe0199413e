// Owns how curves look: panels of lines over a count, bands around means, axes with round numbers, and a legend.

/// One or more histories that make a line: their means, and their spread where there are several.
struct Curve {
  /// How many histories.
  let count: Int
  let means: [Double]
  /// The sample standard deviation at each place.
  let spreads: [Double]
  /// Whether some histories go on beyond where the line ends.
  let isCut: Bool

  init(_ histories: [[Double]]) {
    let length = histories.map(\.count).min() ?? 0
    count = histories.count
    means = (0..<length).map { i in ScoreRows.mean(histories.map { $0[i] }) }
    spreads = (0..<length).map { i in ScoreRows.spread(histories.map { $0[i] }) }
    isCut = histories.contains { $0.count > length }
  }
}

/// One panel: a line for each name of the legend, perhaps without any point.
struct CurvePanel {
  var title: String
  var lines: [Curve]
}

/// Lines over a count that begins at 1.
struct CurvesDrawing {
  let title: String
  let xName: String
  /// What the names in the legend are of.
  let legendTitle: String
  /// One a line; a single empty one needs no legend.
  let names: [String]
  let panels: [CurvePanel]
  /// What means are taken over; nil: every line is one history.
  let averaged: String?

  private let plot = (width: 340.0, height: 220.0)
  private let left = 74.0
  private let gap = 24.0
  private let below = 44.0

  var svg: String {
    let across = panels.count <= 3 ? panels.count : panels.count == 4 ? 2 : 3
    let down = (panels.count + across - 1) / across
    let panelWidth = left + plot.width + gap
    let panelHeight = 26 + plot.height + below
    let texts = names.indices.map(legendText)
    let hasLegend = names.count > 1
    let legendNames = wrappedText(legendTitle, 220)
    let legendWidth =
      hasLegend
      ? 40 + max(texts.map { textWidth($0) }.max() ?? 0, legendNames.map { textWidth($0) }.max() ?? 0) : 0
    let width = 10 + Double(across) * panelWidth + legendWidth + 10
    let titles = wrappedText(title, width - 40, size: 17)
    let top = 20 + Double(titles.count) * 22 + 4
    let legendHeight = hasLegend ? Double(legendNames.count + names.count) * 18 + 30 : 0
    let content = max(Double(down) * panelHeight, legendHeight)
    let notes = notes.flatMap { wrappedText($0, width - 40) }
    let height = top + content + Double(notes.count) * 18 + 16

    var page = SVGPage()
    for (i, line) in titles.enumerated() {
      page.text(line, x: 20, y: 34 + Double(i) * 22, attributes: "font-size=\"17\" font-weight=\"bold\"")
    }
    for (i, panel) in panels.enumerated() {
      draw(
        panel, x: 10 + Double(i % across) * panelWidth, y: top + Double(i / across) * panelHeight, into: &page
      )
    }
    if hasLegend {
      let x = 10 + Double(across) * panelWidth
      for (i, line) in legendNames.enumerated() {
        page.text(line, x: x, y: top + 18 + Double(i) * 18, attributes: "fill=\"\(SVGPage.grey)\"")
      }
      for (i, text) in texts.enumerated() {
        let y = top + 18 + Double(legendNames.count + i) * 18
        let style = LineStyle(i)
        page.line(through: [(x, y - 4), (x + 26, y - 4)], colour: style.colour, width: 2, dash: style.dash)
        page.text(text, x: x + 33, y: y)
      }
    }
    for (i, note) in notes.enumerated() {
      page.text(
        note, x: 20, y: top + content + 14 + Double(i) * 18, attributes: "fill=\"\(SVGPage.grey)\"")
    }
    return page.document(width: width, height: height)
  }

  /// Of each name how many histories its line is of, over all panels.
  private var counts: [Int] { names.indices.map { i in panels.map { $0.lines[i].count }.max() ?? 0 } }

  private func legendText(_ line: Int) -> String {
    let name = names[line].isEmpty ? "–" : names[line]
    return averaged != nil && Set(counts).count > 1 ? "\(name) (n = \(counts[line]))" : name
  }

  /// What the lines are.
  private var notes: [String] {
    var notes: [String] = []
    let (least, most) = (counts.min() ?? 0, counts.max() ?? 0)
    if let averaged {
      let n = least == most ? "n = \(most)" : "n = \(least) to \(most)"
      notes.append("mean over \(averaged), band: ± one sample standard deviation, \(n)")
    } else {
      notes.append("each line is one run (n = 1)")
    }
    if panels.contains(where: { $0.lines.contains(where: \.isCut) }) {
      notes.append("histories of different lengths: a mean ends with the shortest")
    }
    return notes
  }

  private func draw(_ panel: CurvePanel, x: Double, y: Double, into page: inout SVGPage) {
    let (left, top) = (x + left, y + 26)
    let (right, bottom) = (left + plot.width, top + plot.height)
    page.text(panel.title.replacing("_", with: " "), x: left, y: y + 14, attributes: "font-weight=\"bold\"")
    let numbers = panel.lines.flatMap { line in
      zip(line.means, line.spreads).flatMap { [$0 - $1, $0 + $1] }
    }
    guard !numbers.isEmpty else {
      page.text("no values", x: left, y: top + 20, attributes: "fill=\"\(SVGPage.grey)\"")
      return
    }
    let vertical = LinearAxis(numbers)
    let longest = panel.lines.map(\.means.count).max() ?? 1
    let across = LinearAxis([1, Double(longest)], count: 8, isTight: true, isWhole: true)
    func place(_ i: Int, _ value: Double) -> (x: Double, y: Double) {
      (left + across.share(Double(i + 1)) * plot.width, bottom - vertical.share(value) * plot.height)
    }

    for tick in vertical.ticks {
      let at = bottom - vertical.share(tick.value) * plot.height
      page.line(through: [(left, at), (right, at)], colour: "#e0e0e0", width: 1)
      page.text(tick.text, x: left - 7, y: at + 4, attributes: "text-anchor=\"end\"")
    }
    for tick in across.ticks where tick.value >= 1 && tick.value <= Double(longest) {
      let at = left + across.share(tick.value) * plot.width
      page.line(through: [(at, bottom), (at, bottom + 4)], colour: SVGPage.grey, width: 1)
      page.text(tick.text, x: at, y: bottom + 17, attributes: "text-anchor=\"middle\"")
    }
    page.line(through: [(left, top), (left, bottom), (right, bottom)], colour: SVGPage.grey, width: 1)
    page.text(
      xName, x: (left + right) / 2, y: bottom + 34,
      attributes: "text-anchor=\"middle\" fill=\"\(SVGPage.grey)\"")
    page.upwardText(Self.axisName(panel.title), x: x + 12, middle: (top + bottom) / 2)

    for (i, line) in panel.lines.enumerated() where line.count > 1 && line.means.count > 1 {
      let upper = line.means.indices.map { place($0, line.means[$0] + line.spreads[$0]) }
      let lower = line.means.indices.reversed().map { place($0, line.means[$0] - line.spreads[$0]) }
      page.area(within: upper + lower, colour: LineStyle(i).colour)
    }
    for (i, line) in panel.lines.enumerated() {
      let style = LineStyle(i)
      let points = line.means.indices.map { place($0, line.means[$0]) }
      if points.count > 1 {
        page.line(through: points, colour: style.colour, width: 1.8, dash: style.dash)
      } else if let point = points.first {
        // One epoch is no line.
        let (least, most) = (line.means[0] - line.spreads[0], line.means[0] + line.spreads[0])
        page.line(through: [place(0, least), place(0, most)], colour: style.colour, width: 1.8)
        page.dot(x: point.x, y: point.y, colour: style.colour)
      }
    }
  }

  /// A list with its unit, as far as its name says it.
  private static func axisName(_ list: String) -> String {
    let name = list.replacing("_", with: " ")
    if list.hasSuffix("accuracy") { return name + " (share of images)" }
    return list.hasSuffix("loss") ? name + " (mean of the epoch)" : name
  }
}
