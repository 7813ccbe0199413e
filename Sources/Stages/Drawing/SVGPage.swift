// Owns how figures are written: SVG 1.1, texts, shapes and lines by their places. It deliberately doesn't know what
// they show.

import Foundation

/// A figure in the making, in pixels. It has a white background of its own, so that it reads on dark pages too.
struct SVGPage {
  static let grey = "#555555"
  private var body = ""

  /// The whole file.
  func document(width: Double, height: Double, definitions: String = "") -> String {
    """
    <svg xmlns="http://www.w3.org/2000/svg" width="\(number(width))" height="\(number(height))" \
    viewBox="0 0 \(number(width)) \(number(height))" font-family="Helvetica, Arial, sans-serif" font-size="12" \
    fill="#1a1a1a">
    \(definitions.isEmpty ? "" : "<defs>\(definitions)</defs>\n")\
    <rect width="100%" height="100%" fill="white"/>
    \(body)</svg>

    """
  }

  /// A text; `attributes` may say its size, colour, and where its place is in it.
  mutating func text(_ content: String, x: Double, y: Double, attributes: String = "") {
    body += "<text x=\"\(number(x))\" y=\"\(number(y))\"\(attributes.isEmpty ? "" : " ")\(attributes)>"
    body += "\(escaped(content))</text>\n"
  }

  /// A text along a vertical axis, read from below.
  mutating func upwardText(_ content: String, x: Double, middle: Double) {
    text(
      content, x: x, y: middle,
      attributes:
        "text-anchor=\"middle\" fill=\"\(Self.grey)\" transform=\"rotate(-90 \(number(x)) \(number(middle)))\""
    )
  }

  /// A text that ends at its place, from below left.
  mutating func tiltedText(_ content: String, x: Double, y: Double, attributes: String = "") {
    text(
      content, x: x, y: y,
      attributes: "text-anchor=\"end\"\(attributes) transform=\"rotate(-45 \(number(x)) \(number(y)))\"")
  }

  mutating func rectangle(x: Double, y: Double, width: Double, height: Double, fill: String) {
    body +=
      "<rect x=\"\(number(x))\" y=\"\(number(y))\" width=\"\(number(width))\" height=\"\(number(height))\" fill=\"\(fill)\"/>\n"
  }

  /// A line through points; `dash` as SVG has it, "" for none.
  mutating func line(
    through points: [(x: Double, y: Double)], colour: String, width: Double, dash: String = ""
  ) {
    let pattern = dash.isEmpty ? "" : " stroke-dasharray=\"\(dash)\""
    body +=
      "<polyline points=\"\(spelled(points))\" fill=\"none\" stroke=\"\(colour)\" stroke-width=\"\(number(width))\"\(pattern)/>\n"
  }

  /// An area that lets what is below it shine through.
  mutating func area(within points: [(x: Double, y: Double)], colour: String) {
    body += "<polygon points=\"\(spelled(points))\" fill=\"\(colour)\" fill-opacity=\"0.18\"/>\n"
  }

  mutating func dot(x: Double, y: Double, colour: String) {
    body += "<circle cx=\"\(number(x))\" cy=\"\(number(y))\" r=\"2.5\" fill=\"\(colour)\"/>\n"
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
