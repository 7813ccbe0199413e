// Owns the colours of figures: of paper and ink in light and dark, a scale for numbers, and how lines are told apart.

import Foundation
import Tensor

/// A colour by what it is for. On a dark page figures have other ones, which a style sheet in the file says; programs
/// that know no such sheets show the light ones, paper included.
enum Paint: Hashable {
  case paper, ink, faint, rule, hatching, hatch
  /// Of the line of that number.
  case line(Int)
  /// The same on every page: a cell that carries a number has its own ground.
  case fixed(String)

  /// On light pages.
  var light: String {
    switch self {
    case .paper: "white"
    case .ink: "#1a1a1a"
    case .faint: "#555555"
    case .rule: "#e0e0e0"
    case .hatching: "#f2f2f2"
    case .hatch: "#b0b0b0"
    case .line(let line): LineStyle.colours[line % LineStyle.colours.count].light
    case .fixed(let colour): colour
    }
  }

  /// On dark ones; nil: the same.
  var dark: String? {
    switch self {
    case .paper: "#16181d"
    case .ink: "#e8e8e8"
    case .faint: "#aab0ba"
    case .rule: "#363a43"
    case .hatching: "#24272e"
    case .hatch: "#565c68"
    case .line(let line): LineStyle.colours[line % LineStyle.colours.count].dark
    case .fixed: nil
    }
  }

  /// What the style sheet calls it.
  var name: String? {
    switch self {
    case .paper: "paper"
    case .ink: "ink"
    case .faint: "faint"
    case .rule: "rule"
    case .hatching: "hatching"
    case .hatch: "hatch"
    case .line(let line): "line\(line % LineStyle.colours.count)"
    case .fixed: nil
    }
  }

  static var named: [Paint] {
    [.paper, .ink, .faint, .rule, .hatching, .hatch] + LineStyle.colours.indices.map(Paint.line)
  }
}

/// Viridis (van der Walt & Smith 2015), which reads in grey and for colour-blind eyes, from 0 to 1; between nine of its
/// colours, linearly.
struct Viridis {
  /// 0…255 each.
  let (red, green, blue): (Int, Int, Int)

  init(_ share: Double) {
    let stops: [(Double, Double, Double)] = [
      (68, 1, 84), (71, 44, 122), (59, 81, 139), (44, 113, 142), (33, 144, 141), (39, 173, 129),
      (92, 200, 99), (170, 220, 50), (253, 231, 37),
    ]
    let at = min(max(share, 0), 1) * Double(stops.count - 1)
    let i = min(Int(at), stops.count - 2)
    let (a, b, t) = (stops[i], stops[i + 1], at - Double(i))
    red = Int(a.0 + (b.0 - a.0) * t)
    green = Int(a.1 + (b.1 - a.1) * t)
    blue = Int(a.2 + (b.2 - a.2) * t)
  }

  var hex: String { String(format: "#%02x%02x%02x", red, green, blue) }

  /// White or black, whichever contrasts more (WCAG 2.2): more than 4.5 on every colour.
  var ink: String {
    func linear(_ part: Int) -> Double {
      let share = Double(part) / 255
      return share <= 0.04045
        ? share / 12.92 : Elementary.exp(2.4 * Elementary.log((share + 0.055) / 1.055))
    }
    let luminance = 0.2126 * linear(red) + 0.7152 * linear(green) + 0.0722 * linear(blue)
    return 1.05 / (luminance + 0.05) > (luminance + 0.05) / 0.05 ? "white" : "black"
  }
}

/// How a line is told from others: by its colour (after Okabe & Ito 2008, each with a contrast of 3 to the paper), the
/// shape of its points, and where there are more lines than colours by its dashes.
struct LineStyle {
  let paint: Paint
  let dash: String
  let shape: PointShape

  /// How many lines can be told apart.
  static var count: Int { colours.count * dashes.count }

  init(_ line: Int) {
    paint = .line(line)
    dash = Self.dashes[line / Self.colours.count % Self.dashes.count]
    shape = PointShape.allCases[line % PointShape.allCases.count]
  }

  static let colours: [(light: String, dark: String)] = [
    ("#0072b2", "#4aa3df"), ("#d55e00", "#ff8a3d"), ("#009e73", "#2fc79a"), ("#b8578f", "#e29ac6"),
    ("#b07800", "#f0b429"), ("#3a96cf", "#9cd4ff"), ("#1a1a1a", "#f0f0f0"), ("#6b4e00", "#c9a961"),
  ]
  static let dashes = ["", "6 3", "2 2"]
}

/// The shapes of points, with the names that Vega-Lite has for them.
enum PointShape: String, CaseIterable {
  case circle, square, diamond
  case triangle = "triangle-up"
}
