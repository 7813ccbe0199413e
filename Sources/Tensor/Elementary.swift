// Owns the exponential function and its like, from + − × ÷ and √ alone, which IEEE 754 defines to the last bit.
// The C library's differ between its versions and between processors with and without fused multiply-adds, and
// would decide the bits of every draw and every loss.

/// Elementary functions whose bits depend on nothing but the argument; right to two units in the last place, the
/// arc cosine to four.
public enum Elementary {
  /// eˣ.
  public static func exp(_ x: Double) -> Double {
    guard x < 710 else { return x.isNaN ? x : .infinity }
    guard x > -746 else { return x.isNaN ? x : 0 }
    // x = k·ln 2 + r, |r| ≤ ln 2 / 2; eʳ by its series.
    let k = (x * 1.4426950408889634).rounded()
    let r = (x - k * ln2.high) - k * ln2.low
    var sum = 1.0
    for n in stride(from: 13.0, to: 0, by: -1) { sum = 1 + r * sum / n }
    // In two factors, since 2ᵏ may be out of range where the product isn't.
    let half = Int(k) / 2
    return sum * powerOfTwo(half) * powerOfTwo(Int(k) - half)
  }

  /// The natural logarithm; −∞ at 0, no number below.
  public static func log(_ x: Double) -> Double {
    guard x > 0, x.isFinite else { return x == 0 ? -.infinity : x > 0 ? x : .nan }
    // x = 2ᵉ·m, √½ < m ≤ √2; ln m = 2 artanh s, s = (m − 1)/(m + 1), by its series.
    var (e, m) = (Double(x.exponent), x.significand)
    if m > 1.4142135623730951 { (e, m) = (e + 1, m / 2) }
    let s = (m - 1) / (m + 1)
    let z = s * s
    var sum = 0.0
    for n in stride(from: 21.0, to: 1, by: -2) { sum = z * (1 / n + sum) }
    return e * ln2.high + (2 * s + (2 * s * sum + e * ln2.low))
  }

  /// cos 2πt.
  public static func cosine(turns t: Double) -> Double {
    let fraction = 4 * (t - t.rounded(.down))  // exact for t ≥ 0
    let quadrant = fraction.rounded()
    let x = (fraction - quadrant) * (Double.pi / 2)  // |x| ≤ π/4
    let z = x * x
    func series(from first: Double) -> Double {  // 1 − z/(a(a+1)) + …
      var sum = 1.0
      for n in stride(from: first + 14, through: first, by: -2) { sum = 1 - z * sum / (n * (n + 1)) }
      return sum
    }
    switch quadrant {
    case 1: return -x * series(from: 2)
    case 2: return -series(from: 1)
    case 3: return x * series(from: 2)
    default: return series(from: 1)
    }
  }

  /// The angle in 0…π whose cosine is x, −1 ≤ x ≤ 1; no number beyond.
  public static func arcCosine(_ x: Double) -> Double {
    guard x >= -1, x <= 1 else { return .nan }
    // Half the angle has the tangent √((1 − x)/(1 + x)).
    let (a, b) = ((1 - x).squareRoot(), (1 + x).squareRoot())
    return a <= b ? 2 * arcTangent(a / b) : Double.pi - 2 * arcTangent(b / a)
  }

  /// The arc tangent of 0 ≤ x ≤ 1, halved twice, then by its series.
  private static func arcTangent(_ x: Double) -> Double {
    var y = x
    for _ in 0..<2 { y = y / (1 + (1 + y * y).squareRoot()) }  // y ≤ 0.199
    let z = y * y
    var sum = 0.0
    for n in stride(from: 23.0, to: 1, by: -2) { sum = -z * (1 / n + sum) }
    return 4 * (y + y * sum)
  }

  private static func powerOfTwo(_ k: Int) -> Double { Double(bitPattern: UInt64(1023 + k) << 52) }

  /// ln 2 in two parts; the first has trailing zeros, so that its product with an exponent is exact.
  private static let ln2 = (
    high: Double(bitPattern: 0x3fe6_2e42_fee0_0000), low: Double(bitPattern: 0x3dea_39ef_3579_3c76)
  )
}
