// Owns how figures are written: SVG 1.1, texts, shapes and lines by their places. It deliberately doesn't know what
// they show.

import Foundation

/// A figure in the making, in pixels. It has a ground of its own, light or dark as the page asks for, so that it reads on
/// either; where nothing asks it is light.
struct SVGPage {
  private var body = ""

  /// The whole file.
  /// - Parameter title: what reads the figure aloud says.
  func document(title: String, width: Double, height: Double) -> String {
    """
    <svg xmlns="http://www.w3.org/2000/svg" width="\(number(width))" height="\(number(height))" \
    viewBox="0 0 \(number(width)) \(number(height))" font-family="Helvetica, Arial, sans-serif" font-size="12" \
    role="img" \(fill(.ink))>
    <title>\(escaped(title))</title>
    <style>\(darkSheet)</style>
    <defs><pattern id="missing" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">\
    <rect width="6" height="6" \(fill(.hatching))/><rect width="1.5" height="6" \(fill(.hatch))/></pattern></defs>
    <rect width="100%" height="100%" \(fill(.paper))/>
    \(body)</svg>

    """
  }

  /// Colours on dark pages.
  private var darkSheet: String {
    let rules = Paint.named.map { ".f-\($0.name!){fill:\($0.dark!)}.s-\($0.name!){stroke:\($0.dark!)}" }
    return "@media (prefers-color-scheme: dark){\(rules.joined())}"
  }

  private func fill(_ paint: Paint) -> String {
    "fill=\"\(paint.light)\"" + (paint.name.map { " class=\"f-\($0)\"" } ?? "")
  }

  private func stroke(_ paint: Paint) -> String {
    "stroke=\"\(paint.light)\"" + (paint.name.map { " class=\"s-\($0)\"" } ?? "")
  }

  enum Anchor: String { case start, middle, end }

  /// A text; `anchor` is what of it stands at its place, `turned` by how many degrees it is turned about that.
  mutating func text(
    _ content: String, x: Double, y: Double, _ paint: Paint = .ink, size: Double = 12,
    anchor: Anchor = .start,
    isBold: Bool = false, turned: Int = 0
  ) {
    var attributes = "x=\"\(number(x))\" y=\"\(number(y))\""
    if size != 12 { attributes += " font-size=\"\(size == size.rounded() ? "\(Int(size))" : number(size))\"" }
    if isBold { attributes += " font-weight=\"bold\"" }
    if paint != .ink { attributes += " " + fill(paint) }
    if turned != 0 { attributes += " transform=\"rotate(\(turned) \(number(x)) \(number(y)))\"" }
    if anchor != .start { attributes += " text-anchor=\"\(anchor.rawValue)\"" }
    body += "<text \(attributes)>\(escaped(content))</text>\n"
  }

  /// A rectangle; `tip` is what a pointer that rests on it is told.
  mutating func rectangle(
    x: Double, y: Double, width: Double, height: Double, _ paint: Paint, tip: String? = nil
  ) {
    body += "<rect \(place(x, y, width, height)) \(fill(paint))\(closed("rect", tip))"
  }

  /// Where there is no value.
  mutating func gap(x: Double, y: Double, width: Double, height: Double) {
    body += "<rect \(place(x, y, width, height)) fill=\"url(#missing)\"/>\n"
  }

  private func place(_ x: Double, _ y: Double, _ width: Double, _ height: Double) -> String {
    "x=\"\(number(x))\" y=\"\(number(y))\" width=\"\(number(width))\" height=\"\(number(height))\""
  }

  private func closed(_ element: String, _ tip: String?) -> String {
    tip.map { "><title>\(escaped($0))</title></\(element)>\n" } ?? "/>\n"
  }

  /// A line through points; `dash` as SVG has it, "" for none.
  mutating func line(
    through points: [(x: Double, y: Double)], _ paint: Paint, width: Double, dash: String = ""
  ) {
    let pattern = dash.isEmpty ? "" : " stroke-dasharray=\"\(dash)\""
    body +=
      "<polyline points=\"\(spelled(points))\" fill=\"none\" \(stroke(paint)) stroke-width=\"\(number(width))\"\(pattern)/>\n"
  }

  /// An area that lets what is below it shine through.
  mutating func area(within points: [(x: Double, y: Double)], _ paint: Paint) {
    body += "<polygon points=\"\(spelled(points))\" \(fill(paint)) fill-opacity=\"0.18\"/>\n"
  }

  mutating func point(
    x: Double, y: Double, _ shape: PointShape, _ paint: Paint, size: Double = 3, tip: String? = nil
  ) {
    let corners: [(x: Double, y: Double)]
    switch shape {
    case .circle:
      body +=
        "<circle cx=\"\(number(x))\" cy=\"\(number(y))\" r=\"\(number(size))\" \(fill(paint))\(closed("circle", tip))"
      return
    case .square:
      let s = 0.9 * size
      corners = [(x - s, y - s), (x + s, y - s), (x + s, y + s), (x - s, y + s)]
    case .diamond:
      let s = 1.3 * size
      corners = [(x, y - s), (x + s, y), (x, y + s), (x - s, y)]
    case .triangle:
      let s = 1.2 * size
      corners = [(x, y - s), (x + s, y + 0.8 * s), (x - s, y + 0.8 * s)]
    }
    body += "<polygon points=\"\(spelled(corners))\" \(fill(paint))\(closed("polygon", tip))"
  }

  private func spelled(_ points: [(x: Double, y: Double)]) -> String {
    points.map { "\(number($0.x)),\(number($0.y))" }.joined(separator: " ")
  }

  private func number(_ value: Double) -> String { fixed(value, digits: 1) }

  private func escaped(_ text: String) -> String {
    // XML has no control characters, whatever a label is called.
    let printable = String(
      String.UnicodeScalarView(text.unicodeScalars.map { $0.value < 0x20 ? "\u{FFFD}" : $0 }))
    return printable.replacing("&", with: "&amp;").replacing("<", with: "&lt;").replacing(">", with: "&gt;")
  }
}
