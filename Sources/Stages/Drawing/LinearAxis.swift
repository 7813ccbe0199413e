// Owns an axis with round numbers along it.

/// A range that holds some numbers and ends at round ones, a step of 1, 2 or 5 times a power of ten apart.
struct LinearAxis {
  let low: Double
  let high: Double
  /// Where numbers stand, and how they are written.
  let ticks: [(value: Double, text: String)]

  /// - Parameters:
  ///   - numbers: not empty, finite.
  ///   - count: about how many ticks.
  ///   - isTight: whether it ends where the numbers do instead of at ticks.
  ///   - isWhole: whether it counts.
  init(_ numbers: [Double], count: Int = 5, isTight: Bool = false, isWhole: Bool = false) {
    var (least, most) = (numbers.min()!, numbers.max()!)
    if least == most {
      let room = isWhole || least == 0 ? 1 : abs(least) / 10
      (least, most) = (least - room, most + room)
    }
    let (step, decimals) = LinearAxis.step(atLeast: (most - least) / Double(count), isWhole: isWhole)
    // A number that stands at a tick but for its last bits is there.
    let (from, to) = (least / step, most / step)
    let first = isTight ? (from - 1e-6).rounded(.up) : (from + 1e-6).rounded(.down)
    let last = isTight ? (to + 1e-6).rounded(.down) : (to - 1e-6).rounded(.up)
    (low, high) = isTight ? (least, most) : (first * step, last * step)
    // + 0: of −0 it makes 0.
    ticks = stride(from: first, through: last, by: 1).map {
      ($0 * step, fixed($0 * step + 0, digits: decimals))
    }
  }

  /// The smallest round step that isn't below `wanted`, and the decimals that it is written with.
  private static func step(atLeast wanted: Double, isWhole: Bool) -> (step: Double, decimals: Int) {
    for decimals in stride(from: isWhole ? 0 : 15, through: -300, by: -1) {
      let power = (0..<abs(decimals)).reduce(1.0) { product, _ in product * 10 }
      for factor in [1.0, 2, 5] {
        let step = decimals > 0 ? factor / power : factor * power
        // A little less than wanted is the same, written in binary.
        if step > 0.999 * wanted { return (step, max(decimals, 0)) }
      }
    }
    preconditionFailure("BUG: no step of \(wanted)")
  }

  /// Where a number stands, 0 at the low end, 1 at the high one.
  func share(_ number: Double) -> Double { (number - low) / (high - low) }
}
