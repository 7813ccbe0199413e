// Owns the legend of lines: what they are of, and for each its colour, dashes and points.

/// Names of lines, in their order; a single one needs no legend.
struct Legend {
  /// What the names are of.
  let title: String
  let names: [String]
  /// Whether lines run through the points.
  var hasLines = true
  /// Whether lines show their points.
  var hasPoints = true

  private let most = 240.0

  private var titles: [String] { wrappedText(title, most) }
  private var entries: [[String]] { names.map { wrappedText($0.isEmpty ? "–" : $0, most) } }

  var size: (width: Double, height: Double) {
    guard names.count > 1 else { return (0, 0) }
    let widest = (titles.map { textWidth($0) } + entries.joined().map { textWidth($0) + 33 }).max() ?? 0
    return (widest, Double(titles.count + entries.joined().count) * 18 + 6)
  }

  func draw(at place: (x: Double, y: Double), into page: inout SVGPage) {
    guard names.count > 1 else { return }
    var y = place.y + 14
    for line in titles {
      page.text(line, x: place.x, y: y, .faint)
      y += 18
    }
    for (i, lines) in entries.enumerated() {
      let style = LineStyle(i)
      if hasLines {
        page.line(
          through: [(place.x, y - 4), (place.x + 26, y - 4)], style.paint, width: 2, dash: style.dash)
      }
      if hasPoints { page.point(x: place.x + 13, y: y - 4, style.shape, style.paint, size: 3.5) }
      for line in lines {
        page.text(line, x: place.x + 33, y: y)
        y += 18
      }
    }
  }
}
