// Owns tests of paired differences, and what many of them together mean.

/// Tests whether differences are about 0, two-sided.
public enum PairedTest {
  /// Student's: the t statistic and its probability; nil for a single difference, or where all are the same.
  public static func student(_ differences: Sample) -> (t: Double, probability: Double)? {
    guard let error = differences.standardError, error > 0 else { return nil }
    let t = differences.mean / error
    return (t, StudentDistribution(freedom: differences.count - 1).probability(beyond: t))
  }

  /// Up to so many differences the signed rank test is exact.
  private static let exactUpTo = 200

  /// Wilcoxon's signed ranks (1945): without differences of 0, of equal ones the mean rank; exact by counting all signs
  /// up to 200 differences, beyond by the normal distribution. Nil where all are 0.
  public static func signedRanks(_ differences: [Double]) -> Double? {
    let sorted = differences.filter { $0 != 0 }.sorted { $0.magnitude < $1.magnitude }
    guard !sorted.isEmpty else { return nil }
    let ranks = doubledRanks(sorted.map(\.magnitude))
    let (total, positive) = (ranks.reduce(0, +), zip(sorted, ranks).reduce(0) { $0 + ($1.0 > 0 ? $1.1 : 0) })
    let least = min(positive, total - positive)
    guard sorted.count <= exactUpTo else {
      let variance = ranks.reduce(0.0) { $0 + Double($1) * Double($1) } / 4
      let z = (Double(least) - Double(total) / 2) / variance.squareRoot()
      return min(1, 2 * NormalDistribution.probability(below: z))
    }
    // The probability of each sum of ranks where signs are coins.
    var chances = [1.0] + Array(repeating: 0, count: total)
    for rank in ranks {
      for sum in stride(from: total, through: 0, by: -1) {
        chances[sum] = (chances[sum] + (sum >= rank ? chances[sum - rank] : 0)) / 2
      }
    }
    return min(1, 2 * chances[...least].reduce(0, +))
  }

  /// Twice the ranks of sorted numbers, so that they are whole: of equal ones the mean.
  private static func doubledRanks(_ sorted: [Double]) -> [Int] {
    var ranks: [Int] = []
    while ranks.count < sorted.count {
      let first = ranks.count
      let end = sorted[first...].firstIndex { $0 != sorted[first] } ?? sorted.count
      ranks += Array(repeating: first + 1 + end, count: end - first)
    }
    return ranks
  }

  /// The probabilities of several tests such that any of them is falsely below a threshold no more often than it says
  /// (Holm 1979). Those that are nil aren't counted.
  public static func holm(_ probabilities: [Double?]) -> [Double?] {
    let order = probabilities.indices.filter { probabilities[$0] != nil }
      .sorted { (probabilities[$0]!, $0) < (probabilities[$1]!, $1) }
    var (adjusted, most) = (probabilities, 0.0)
    for (rank, i) in order.enumerated() {
      most = max(most, min(1, probabilities[i]! * Double(order.count - rank)))
      adjusted[i] = most
    }
    return adjusted
  }
}
