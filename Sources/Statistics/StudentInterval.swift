// Owns Student's t distribution, for whole degrees of freedom, and the interval for a mean that is made with it.

import Tensor

/// mean ± t·s/√n (Student 1908): right where the numbers are normal.
public struct StudentInterval: IntervalMethod {
  public let level: Double
  public var title: String { "t" }

  public init(level: Double) { self.level = level }

  public func interval(of sample: Sample) -> ClosedRange<Double>? {
    guard let error = sample.standardError else { return nil }
    let reach = StudentDistribution(freedom: sample.count - 1).quantile(beyond: 1 - level) * error
    return sample.mean - reach...sample.mean + reach
  }
}

/// Student's t distribution.
public struct StudentDistribution {
  /// Degrees of freedom, from 1.
  public let freedom: Int

  public init(freedom: Int) { self.freedom = freedom }

  /// The probability of a value at least as far from 0 as t, on both sides: I_x(ν/2, 1/2), x = ν/(ν + t²). It keeps its
  /// digits far out.
  public func probability(beyond t: Double) -> Double {
    let (nu, square) = (Double(freedom), t * t)
    guard square > 0 else { return 1 }
    guard square.isFinite else { return 0 }
    let (x, rest) = (nu / (nu + square), square / (nu + square))
    // The continued fraction converges on its own side of the mean.
    return x < (nu / 2 + 1) / (nu / 2 + 2.5)
      ? incompleteBeta(x, rest, nu / 2, 0.5) : 1 - incompleteBeta(rest, x, 0.5, nu / 2)
  }

  /// The t beyond which, on both sides, values lie with this probability.
  /// - Precondition: 0 < probability < 1.
  public func quantile(beyond probability: Double) -> Double {
    precondition(probability > 0 && probability < 1, "BUG: the quantile of \(probability)")
    var (low, high) = (0.0, 1.0)
    while self.probability(beyond: high) > probability { (low, high) = (high, 2 * high) }
    // Halved until there is no number between them.
    while true {
      let middle = low + (high - low) / 2
      guard middle > low, middle < high else { return high }
      if self.probability(beyond: middle) > probability { low = middle } else { high = middle }
    }
  }

  /// B(ν/2, 1/2), from B(1/2, 1/2) = π or B(1, 1/2) = 2 by B(a + 1, b) = B(a, b)·a/(a + b).
  private var beta: Double {
    var (a, value) = freedom.isMultiple(of: 2) ? (1.0, 2.0) : (0.5, Double.pi)
    while a < Double(freedom) / 2 { (a, value) = (a + 1, value * a / (a + 0.5)) }
    return value
  }

  /// I_x(a, b) with y = 1 − x: its continued fraction (DLMF 8.17.22), evaluated as Lentz does.
  private func incompleteBeta(_ x: Double, _ y: Double, _ a: Double, _ b: Double) -> Double {
    var (c, d) = (1.0, 1 / (1 - (a + b) * x / (a + 1)))
    var fraction = d
    for m in 1...10_000 {
      let k = Double(m)
      let even = k * (b - k) * x / ((a + 2 * k - 1) * (a + 2 * k))
      d = 1 / (1 + even * d)
      c = 1 + even / c
      fraction *= d * c
      let odd = -(a + k) * (a + b + k) * x / ((a + 2 * k) * (a + 2 * k + 1))
      d = 1 / (1 + odd * d)
      c = 1 + odd / c
      fraction *= d * c
      if (d * c - 1).magnitude < 1e-16 { break }
    }
    return Elementary.exp(a * Elementary.log(x) + b * Elementary.log(y)) * fraction / (a * beta)
  }
}
