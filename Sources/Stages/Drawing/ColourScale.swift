// Owns the scale of a heatmap's colours, and how it is told.

import Canonical

/// Numbers as colours, from dark to bright.
struct ColourScale {
  /// What the colours are of.
  let name: String
  /// The numbers at the dark and the bright end; what is beyond has the colour of the end.
  let range: ClosedRange<Double>
  let digits: Int
  /// Whether there are numbers below, and above.
  var isCutBelow = false
  var isCutAbove = false

  func colour(of number: Double) -> Viridis { Viridis(share(number)) }

  /// Where a number stands on the scale, from 0 to 1; in the middle where all are the same.
  private func share(_ number: Double) -> Double {
    let (low, high) = (range.lowerBound, range.upperBound)
    return low < high ? min(max((number - low) / (high - low), 0), 1) : 0.5
  }

  private var names: [String] { wrappedText(name, 110) }
  private func bar(_ beside: Double) -> Double { min(240, max(90, beside)) }

  func size(beside height: Double, hasGaps: Bool) -> (width: Double, height: Double) {
    (
      max(110, 20 + (ticks.map { textWidth($0.text) }.max() ?? 0)),
      Double(names.count) * FigureSheet.lineHeight + 14 + bar(height) + (hasGaps ? 30 : 6)
    )
  }

  func draw(
    at place: (x: Double, y: Double), beside: Double, hasGaps: Bool, into page: inout SVGPage
  ) {
    for (i, line) in names.enumerated() {
      page.text(line, x: place.x, y: place.y + 10 + Double(i) * FigureSheet.lineHeight, .faint)
    }
    let (top, height) = (place.y + Double(names.count) * FigureSheet.lineHeight + 8, bar(beside))
    let steps = 48
    for i in 0..<steps {
      let share = 1 - (Double(i) + 0.5) / Double(steps)
      page.rectangle(
        x: place.x, y: top + Double(i) * height / Double(steps), width: 14,
        height: height / Double(steps) + 0.5, .fixed(Viridis(share).hex))
    }
    for tick in ticks { page.text(tick.text, x: place.x + 19, y: top + (1 - tick.share) * height + 4) }
    if hasGaps {
      page.gap(x: place.x, y: top + height + 14, width: 14, height: 12)
      page.text("no value", x: place.x + 19, y: top + height + 24, .faint)
    }
  }

  /// Numbers along the scale, with as many decimals as tell them apart, evenly; one where all cells are the same.
  private var ticks: [(share: Double, text: String)] {
    let (low, high) = (range.lowerBound, range.upperBound)
    guard low < high else { return [(0.5, fixed(low, digits: digits))] }
    let ticks = [0, 0.25, 0.5, 0.75, 1].map { (share: $0, value: low + $0 * (high - low)) }
    func marked(_ texts: [String]) -> [(share: Double, text: String)] {
      var texts = texts
      if isCutBelow { texts[0] = "≤ " + texts[0] }
      if isCutAbove { texts[texts.count - 1] = "≥ " + texts[texts.count - 1] }
      return zip(texts.count == 2 ? [ticks[0], ticks[4]] : ticks, texts).map { ($0.share, $1) }
    }
    for digits in digits...12 {
      let texts = ticks.map { fixed($0.value, digits: digits) }
      let isEven = zip(ticks, texts).allSatisfy { abs(Double($1)! - $0.value) < 0.02 * (high - low) }
      if isEven, Set(texts).count == texts.count { return marked(texts) }
    }
    return marked(["\(low)", "\(high)"])
  }

  var vegaLite: JSON {
    [
      "field": "value", "type": "quantitative", "title": .string(name), "legend": ["gradientLength": 200],
      "scale": [
        "scheme": "viridis", "clamp": true,
        "domain": [.number(range.lowerBound), .number(range.upperBound)],
      ],
    ]
  }
}
