// The normal distribution is that of scipy.stats.

import Statistics
import Testing

@Suite struct NormalDistributionTests {
  @Test(
    arguments: [
      (-3, 0.0013498980316300933), (-1.5, 0.06680720126885807), (-0.2, 0.42074029056089696), (0, 0.5),
      (0.7, 0.758036347776927), (1.96, 0.9750021048517795), (4, 0.9999683287581669),
    ] as [(Double, Double)])
  func probabilitiesAndQuantilesAreTheKnownOnes(_ z: Double, _ probability: Double) {
    #expect((NormalDistribution.probability(below: z) - probability).magnitude < 2e-15)
    #expect((NormalDistribution.quantile(probability) - z).magnitude < 1e-10)
  }

  @Test func farOutNothingIsLeft() {
    #expect(NormalDistribution.probability(below: -9) == 0 && NormalDistribution.probability(below: 40) == 1)
  }
}
