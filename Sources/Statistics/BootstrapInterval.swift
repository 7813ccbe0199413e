// Owns the bootstrap: where the means of resamples lie.

import Tensor

/// An interval for the mean by drawing as many numbers with replacement, many times (Efron 1979). Of few numbers it is too
/// narrow: of three seeds, t says more.
public struct BootstrapInterval: IntervalMethod {
  public enum Correction: String, Sendable, CaseIterable {
    /// Corrected for bias and skewness (Efron 1987).
    case bca
    /// The percentiles as they are.
    case percentile
  }

  public let level: Double
  public let resamples: Int
  public let correction: Correction
  public let seed: Int

  public init(level: Double, resamples: Int, correction: Correction, seed: Int) {
    (self.level, self.resamples, self.correction, self.seed) = (level, resamples, correction, seed)
  }

  public var title: String {
    "bootstrap (\(correction == .bca ? "BCa" : "percentile"), \(resamples) resamples)"
  }

  public func interval(of sample: Sample) -> ClosedRange<Double>? {
    let values = sample.values
    guard values.count > 1 else { return nil }
    guard let first = values.first, values.contains(where: { $0 != first }) else {
      return sample.mean...sample.mean
    }
    let means = sortedMeans(values)
    let tails = [(1 - level) / 2, (1 + level) / 2].map { tail in
      correction == .bca ? corrected(tail, means, sample) : tail
    }
    return percentile(means, tails[0])...percentile(means, tails[1])
  }

  private func sortedMeans(_ values: [Double]) -> [Double] {
    let philox = Philox(seed: UInt64(seed), purpose: .bootstrap)
    let means = (0..<resamples).map { resample in
      var sum = 0.0
      for i in values.indices {
        sum += values[philox.integer(at: UInt64(resample * values.count + i), below: values.count)]
      }
      return sum / Double(values.count)
    }
    return means.sorted()
  }

  /// The share of the resamples' means at which the corrected interval ends, of the share `tail` (Efron & Tibshirani 1993,
  /// 14.10): Φ(z₀ + (z₀ + z)/(1 − a(z₀ + z))).
  private func corrected(_ tail: Double, _ means: [Double], _ sample: Sample) -> Double {
    let centre = sample.mean
    let below = means.reduce(0.0) { $0 + ($1 < centre ? 1 : $1 == centre ? 0.5 : 0) }
    // All on one side would be infinitely biased.
    let share = min(max(below, 0.5), Double(means.count) - 0.5) / Double(means.count)
    let bias = NormalDistribution.quantile(share)
    // A mean's jackknife values deviate as the numbers do, the other way round, by 1/(n − 1).
    let (squares, cubes) = sample.values.reduce((0.0, 0.0)) { sums, value in
      let d = value - centre
      return (sums.0 + d * d, sums.1 + d * d * d)
    }
    let acceleration = cubes / (6 * squares * squares.squareRoot())
    let z = bias + NormalDistribution.quantile(tail)
    return NormalDistribution.probability(below: bias + z / (1 - acceleration * z))
  }

  /// Between the two nearest of sorted numbers, linearly.
  private func percentile(_ sorted: [Double], _ share: Double) -> Double {
    let at = share * Double(sorted.count - 1)
    let i = min(Int(at), sorted.count - 2)
    return sorted[i] + (sorted[i + 1] - sorted[i]) * (at - Double(i))
  }
}
