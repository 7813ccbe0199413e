// Owns the colours of figures: a scale for numbers, and colours that tell lines apart.

import Foundation

/// Viridis (van der Walt & Smith 2015), which reads in grey and for colour-blind eyes, from 0 to 1; between nine of its
/// colours, linearly.
func viridis(_ share: Double) -> String {
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

/// How a line is told from others: by its colour (Okabe & Ito 2008, those that stand out from white), and where there
/// are more lines than these by its dashes.
struct LineStyle {
  let colour: String
  let dash: String

  /// How many lines can be told apart.
  static var count: Int { colours.count * dashes.count }

  init(_ line: Int) {
    colour = Self.colours[line % Self.colours.count]
    dash = Self.dashes[line / Self.colours.count % Self.dashes.count]
  }

  private static let colours = [
    "#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000", "#7a5c00",
  ]
  private static let dashes = ["", "6 3", "2 2"]
}
