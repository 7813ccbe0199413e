// Correlations are those of scipy.stats.

import Statistics
import Testing

@Suite struct CorrelationsTests {
  @Test func theyAreScipys() throws {
    let pairs = Correlations([1, 2, 3, 4, 5, 6.5, 7], [2.1, 1.9, 3.5, 3.5, 5.2, 4.8, 7.5])
    #expect(try (#require(pairs.pearson) - 0.9165652156039026).magnitude < 1e-12)
    #expect(try (#require(pairs.spearman) - 0.9189562119494703).magnitude < 1e-12)
    let interval = try #require(pairs.pearsonInterval(level: 0.95))
    #expect((interval.lowerBound - 0.5278285607895566).magnitude < 1e-12)
    #expect((interval.upperBound - 0.9878101905791971).magnitude < 1e-12)
  }

  @Test func whatDoesNotVaryGoesWithNothing() {
    for (x, y) in [([1], [2]), ([], []), ([1, 2, 3], [5, 5, 5]), ([0, 0], [1, 2])] as [([Double], [Double])] {
      let pairs = Correlations(x, y)
      #expect(pairs.pearson == nil && pairs.spearman == nil && pairs.pearsonInterval(level: 0.95) == nil)
    }
    let line = Correlations([1, 2, 3, 4], [-2, -4, -6, -8])
    #expect(line.pearson.map { ($0 + 1).magnitude < 1e-15 } == true)
    #expect(line.pearsonInterval(level: 0.95) == nil)
    #expect(Correlations([1, 2, 3], [1, 8, 9]).pearsonInterval(level: 0.95) == nil)
  }
}
