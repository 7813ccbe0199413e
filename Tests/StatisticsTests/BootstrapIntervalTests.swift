// Bootstrap intervals are those of scipy.stats.bootstrap within the spread of draws, and the seed's alone.

import Statistics
import Testing

@Suite struct BootstrapIntervalTests {
  private let sample = Sample([0.61, 0.64, 0.59, 0.71, 0.66, 0.62, 0.85, 0.6, 0.63, 0.65])

  private func interval(
    _ correction: BootstrapInterval.Correction, _ sample: Sample, resamples: Int = 20_000, seed: Int = 0
  ) -> ClosedRange<Double>? {
    BootstrapInterval(level: 0.95, resamples: resamples, correction: correction, seed: seed).interval(
      of: sample)
  }

  /// scipy.stats.bootstrap with 200,000 resamples.
  @Test(
    arguments: [(.bca, 0.625, 0.727), (.percentile, 0.619, 0.706)]
      as [(
        BootstrapInterval.Correction, Double, Double
      )])
  func itEndsWhereScipysDoes(_ correction: BootstrapInterval.Correction, _ low: Double, _ high: Double) throws
  {
    let interval = try #require(self.interval(correction, sample))
    #expect((interval.lowerBound - low).magnitude < 0.002 && (interval.upperBound - high).magnitude < 0.004)
  }

  @Test func theSeedDecidesItsBits() {
    #expect(interval(.bca, sample, resamples: 500) == interval(.bca, sample, resamples: 500))
    #expect(interval(.bca, sample, resamples: 500) != interval(.bca, sample, resamples: 500, seed: 1))
  }

  @Test func fewNumbersGiveWhatTheyCan() {
    for correction in BootstrapInterval.Correction.allCases {
      #expect(interval(correction, Sample([1])) == nil)
      #expect(interval(correction, Sample([2, 2, 2])) == 2...2)
      #expect(interval(correction, Sample([0, 1])) == 0...1)
    }
    #expect(
      BootstrapInterval(level: 0.9, resamples: 500, correction: .percentile, seed: 0).intervalTitle
        == "90% bootstrap (percentile, 500 resamples) interval")
  }
}
