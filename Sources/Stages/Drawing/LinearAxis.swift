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
      let room = isWhole ? 1 : max(abs(least) / 10, 1e-9)
      (least, most) = (least - room, most + room)
    }
    // The step as a whole number of units of 10^−decimals, so that it is written as it is meant.
    var (decimals, unit) = (0, 1.0)
    let wanted = (most - least) / Double(count)
    while unit > wanted, !isWhole, decimals < 15 {
      decimals += 1
      unit = 1 / LinearAxis.power(decimals)
    }
    var step = unit
    for factor in [1.0, 2, 5, 10, 20, 50] where step < wanted { step = unit * factor }
    while step < wanted { step *= 10 }
    let (first, last) = (
      (least / step).rounded(isTight ? .up : .down), (most / step).rounded(isTight ? .down : .up)
    )
    (low, high) = isTight ? (least, most) : (first * step, last * step)
    ticks = stride(from: first, through: last, by: 1).map { ($0 * step, fixed($0 * step, digits: decimals)) }
  }

  private static func power(_ exponent: Int) -> Double {
    (0..<exponent).reduce(1.0) { product, _ in product * 10 }
  }

  /// Where a number stands, 0 at the low end, 1 at the high one.
  func share(_ number: Double) -> Double { (number - low) / (high - low) }
}
