// Owns a panel with two axes: its heading, numbers and words along the axes, and where values stand.

import Foundation

/// What stands along the lower axis.
enum LowerAxis {
  /// Numbers.
  case numbers(LinearAxis)
  /// Words in their order, at 0, 1, 2 …
  case words([String])

  /// From 0 at the left to 1 at the right.
  func share(_ at: Double) -> Double {
    switch self {
    case .numbers(let axis): axis.share(at)
    case .words(let words): (at + 0.5) / Double(words.count)
    }
  }

  /// What is written, and where.
  var ticks: [(at: Double, text: String)] {
    switch self {
    case .numbers(let axis):
      axis.ticks.filter { (-1e-9...1 + 1e-9).contains(axis.share($0.value)) }.map { ($0.value, $0.text) }
    case .words(let words): words.enumerated().map { (Double($0.offset), $0.element) }
    }
  }
}

/// The sizes that the panels of a figure share.
struct PlotLayout {
  let plot: (width: Double, height: Double)
  let left: Double
  let below: Double
  let heading: Double
  let isTilted: Bool
  /// Words along the lower axis are written at every so many.
  let every: Int

  init(headings: [[String]], lower: [LowerAxis], vertical: [LinearAxis]) {
    let words = lower.map { axis in if case .words(let words) = axis { words.count } else { 0 } }.max() ?? 0
    plot = (min(max(340, 18 * Double(words)), 900), 220)
    let room = plot.width / Double(max(lower.map(\.ticks.count).max() ?? 1, 1))
    let widest = lower.flatMap { $0.ticks.map { textWidth($0.text) } }.max() ?? 0
    isTilted = words > 0 && widest > room - 4
    every = isTilted ? max(1, Int((14 / room).rounded(.up))) : 1
    // Tilted by 45°, a text reaches as far down as to the left.
    let reach = isTilted ? widest * 0.71 : 0
    let numbers = vertical.flatMap { $0.ticks.map { textWidth($0.text) } }.max() ?? 0
    left = max(24 + numbers, reach - room / 2)
    below = (isTilted ? reach + 10 : 17) + FigureSheet.lineHeight + 4
    heading = Double(headings.map(\.count).max() ?? 0) * FigureSheet.lineHeight + 8
  }

  /// With room for the last number to stick out.
  var panel: (width: Double, height: Double) { (left + plot.width + 10, heading + plot.height + below) }
}

/// One panel's axes in their place.
struct PlotFrame {
  let layout: PlotLayout
  let lower: LowerAxis
  let vertical: LinearAxis
  let left: Double
  let top: Double

  init(_ layout: PlotLayout, lower: LowerAxis, vertical: LinearAxis, at place: (x: Double, y: Double)) {
    (self.layout, self.lower, self.vertical) = (layout, lower, vertical)
    (left, top) = (place.x + layout.left, place.y + layout.heading)
  }

  private var right: Double { left + layout.plot.width }
  private var bottom: Double { top + layout.plot.height }

  /// Where a value stands; what is beyond the axis at its end.
  func place(_ x: Double, _ y: Double) -> (x: Double, y: Double) {
    let share = min(max(vertical.share(y), 0), 1)
    return (left + lower.share(x) * layout.plot.width, bottom - share * layout.plot.height)
  }

  func draw(heading: [String], xName: String, yName: String, into page: inout SVGPage) {
    for (i, line) in heading.enumerated() {
      page.text(
        line, x: left, y: top - layout.heading + 12 + Double(i) * FigureSheet.lineHeight, isBold: i == 0)
    }
    for tick in vertical.ticks where (-1e-9...1 + 1e-9).contains(vertical.share(tick.value)) {
      let at = bottom - vertical.share(tick.value) * layout.plot.height
      page.line(through: [(left, at), (right, at)], .rule, width: 1)
      page.text(tick.text, x: left - 7, y: at + 4, anchor: .end)
    }
    for (i, tick) in lower.ticks.enumerated() {
      let at = left + lower.share(tick.at) * layout.plot.width
      page.line(through: [(at, bottom), (at, bottom + 4)], .faint, width: 1)
      guard i.isMultiple(of: layout.every) else { continue }
      if layout.isTilted {
        page.text(tick.text, x: at + 4, y: bottom + 13, anchor: .end, turned: -45)
      } else {
        page.text(tick.text, x: at, y: bottom + 17, anchor: .middle)
      }
    }
    page.line(through: [(left, top), (left, bottom), (right, bottom)], .faint, width: 1)
    page.text(xName, x: (left + right) / 2, y: bottom + layout.below - 4, .faint, anchor: .middle)
    page.text(
      yName, x: left - layout.left + 12, y: (top + bottom) / 2, .faint, anchor: .middle, turned: -90)
  }
}
