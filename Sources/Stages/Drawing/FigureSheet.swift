// Owns how a figure is laid out, whatever it shows: a title, panels in a block, a legend beside them, notes below.

import Foundation

/// The places of a figure's parts, in pixels.
struct FigureSheet {
  static let lineHeight = 16.0
  static let gap = 28.0
  private static let margin = 20.0
  private static let noteHeight = 18.0

  let title: String
  /// Of each panel, its axes and heading included.
  let panel: (width: Double, height: Double)
  let panels: Int
  /// Of what stands beside the panels; 0 × 0: nothing.
  let side: (width: Double, height: Double)
  /// Below the panels.
  let notes: [String]

  /// How many panels stand side by side: so many that the figure is about twice as wide as high, with few empty places.
  var across: Int {
    let (width, height) = (panel.width + Self.gap, panel.height + Self.gap)
    return (1...max(panels, 1)).filter { $0 == 1 || Double($0) * width <= 1600 }.min { a, b in
      func cost(_ across: Int) -> Double {
        let down = (panels + across - 1) / across
        let aspect = Double(across) * width / (Double(down) * height)
        return abs(log(aspect / 2)) + 0.75 * Double(across * down - panels)
      }
      return cost(a) < cost(b)
    }!
  }

  private var down: Int { (panels + across - 1) / across }
  private var sideLeft: Double { Self.margin + Double(across) * (panel.width + Self.gap) }
  private var width: Double {
    max(sideLeft + (side.width > 0 ? side.width + Self.margin : -Self.gap + Self.margin), 280)
  }
  private var titles: [String] { wrappedText(title, width - 2 * Self.margin, size: 17) }
  private var writtenNotes: [String] { notes.flatMap { wrappedText($0, width - 2 * Self.margin) } }
  private var top: Double { 28 + Double(titles.count) * 22 }
  private var content: Double { max(Double(down) * (panel.height + Self.gap) - Self.gap, side.height) }

  /// The upper left corner of a panel.
  func place(of panel: Int) -> (x: Double, y: Double) {
    (
      Self.margin + Double(panel % across) * (self.panel.width + Self.gap),
      top + Double(panel / across) * (self.panel.height + Self.gap)
    )
  }

  /// The upper left corner of what stands beside the panels.
  var sidePlace: (x: Double, y: Double) { (sideLeft, top) }

  /// The whole file, around what `draw` puts onto the page.
  func document(_ draw: (inout SVGPage) -> Void) -> String {
    var page = SVGPage()
    for (i, line) in titles.enumerated() {
      page.text(line, x: Self.margin, y: 34 + Double(i) * 22, size: 17, isBold: true)
    }
    draw(&page)
    for (i, note) in writtenNotes.enumerated() {
      page.text(note, x: Self.margin, y: top + content + 24 + Double(i) * Self.noteHeight, .faint)
    }
    let height = top + content + Double(writtenNotes.count) * Self.noteHeight + 24
    return page.document(title: title, width: width, height: height)
  }
}
