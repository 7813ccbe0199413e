// Owns how two scores of the same things go together: in a line (Pearson), or in their order (Spearman).

import Tensor

/// Pairs of numbers.
public struct Correlations {
  private let x: [Double]
  private let y: [Double]

  /// - Precondition: as many of the one as of the other.
  public init(_ x: [Double], _ y: [Double]) {
    precondition(x.count == y.count, "BUG: \(x.count) and \(y.count) numbers are no pairs")
    (self.x, self.y) = (x, y)
  }

  public var count: Int { x.count }

  /// Pearson's r; nil for fewer than two pairs, or where one side doesn't vary.
  public var pearson: Double? { Correlations.linear(x, y) }

  /// Spearman's ρ: r of the ranks, of equal numbers the mean rank.
  public var spearman: Double? { Correlations.linear(averageRanks(x), averageRanks(y)) }

  /// Where the r of many more pairs lies, by Fisher's z (1921); nil for fewer than four pairs, or where r is 1.
  public func pearsonInterval(level: Double) -> ClosedRange<Double>? {
    // Pairs on a line are but some last bits away from 1.
    guard count > 3, let r = pearson, r.magnitude < 1 - 1e-14 else { return nil }
    let z = Elementary.log((1 + r) / (1 - r)) / 2
    let reach = NormalDistribution.quantile((1 + level) / 2) / Double(count - 3).squareRoot()
    func tanh(_ z: Double) -> Double { 1 - 2 / (Elementary.exp(2 * z) + 1) }
    return tanh(z - reach)...tanh(z + reach)
  }

  private static func linear(_ x: [Double], _ y: [Double]) -> Double? {
    guard x.count > 1 else { return nil }
    let (a, b) = (Sample(x).mean, Sample(y).mean)
    var (xx, yy, xy) = (0.0, 0.0, 0.0)
    for (x, y) in zip(x, y) {
      xx += (x - a) * (x - a)
      yy += (y - b) * (y - b)
      xy += (x - a) * (y - b)
    }
    guard xx > 0, yy > 0 else { return nil }
    return min(max(xy / (xx.squareRoot() * yy.squareRoot()), -1), 1)
  }
}
