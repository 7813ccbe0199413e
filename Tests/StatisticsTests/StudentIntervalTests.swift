// Student's t is that of scipy.stats (1.x), near and far from 0.

import Statistics
import Testing

@Suite struct StudentIntervalTests {
  /// Degrees of freedom; t beyond which 10%, 5% and 1% lie; how much lies beyond 0.1, 1.5, 3 and 12.5.
  private static let known: [(freedom: Int, quantiles: [Double], probabilities: [Double])] = [
    (
      1, [6.313751514675037, 12.706204736174694, 63.656741162871526],
      [0.936548965138893, 0.3743340836219977, 0.20483276469913345, 0.050821347332231794]
    ),
    (
      2, [2.9199855803537242, 4.302652729749462, 9.924843200918287],
      [0.9294654384141402, 0.2723931248910011, 0.09546596626670913, 0.006339208103544684]
    ),
    (
      3, [2.3533634348018233, 3.1824463052837078, 5.840909309733355],
      [0.9266523488008059, 0.23058386524482294, 0.0576688856224373, 0.0011036313310960584]
    ),
    (
      4, [2.1318467863266495, 2.7764451051977934, 4.604094871349992],
      [0.9251558409394532, 0.208, 0.03994196807171883, 0.00023561604689269973]
    ),
    (
      9, [1.833112932656237, 2.262157162798205, 3.249835541592126],
      [0.9225364479566812, 0.16785065605707505, 0.014956363910414222, 5.434313181780654e-07]
    ),
    (
      30, [1.697260886593957, 2.0422724563012378, 2.7499956535672254],
      [0.9210096117902712, 0.144065929128646, 0.005389964065651945, 1.99849634939664e-13]
    ),
    (
      1000, [1.6463788172854643, 1.9623390808264083, 2.580754698065951],
      [0.9203643690236041, 0.13393003882208626, 0.0027667090442381925, 2.0316243019045302e-33]
    ),
  ]

  @Test(arguments: known.indices)
  func quantilesAndProbabilitiesAreTheKnownOnes(_ row: Int) {
    let known = Self.known[row]
    let student = StudentDistribution(freedom: known.freedom)
    for (share, quantile) in zip([0.1, 0.05, 0.01], known.quantiles) {
      #expect((student.quantile(beyond: share) / quantile - 1).magnitude < 1e-11)
    }
    for (t, probability) in zip([0.1, 1.5, 3, 12.5], known.probabilities) {
      #expect((student.probability(beyond: t) / probability - 1).magnitude < 1e-10)
      #expect(student.probability(beyond: -t) == student.probability(beyond: t))
    }
    #expect(student.probability(beyond: 0) == 1 && student.probability(beyond: .infinity) == 0)
  }

  @Test func itIsTheMeanWithTTimesTheStandardErrorToBothSides() throws {
    let sample = Sample([0.61, 0.64, 0.59, 0.71, 0.66, 0.62, 0.85, 0.6, 0.63, 0.65])
    let interval = try #require(StudentInterval(level: 0.95).interval(of: sample))
    #expect((interval.lowerBound - 0.6013949434849352).magnitude < 1e-12)
    #expect((interval.upperBound - 0.7106050565150647).magnitude < 1e-12)
    #expect(try #require(sample.deviation).isNear(0.07633260552782582))
    #expect(StudentInterval(level: 0.95).intervalTitle == "95% t interval")
    #expect(StudentInterval(level: 0.999).intervalTitle == "99.9% t interval")
  }

  @Test func ofOneNumberNoSpreadIsKnown() {
    let one = Sample([3])
    #expect(one.mean == 3 && one.deviation == nil && one.standardError == nil)
    #expect(StudentInterval(level: 0.95).interval(of: one) == nil)
    #expect(StudentInterval(level: 0.95).interval(of: Sample([3, 3])) == 3...3)
  }
}

extension Double {
  fileprivate func isNear(_ other: Double) -> Bool { (self / other - 1).magnitude < 1e-12 }
}
