// Paired tests are those of scipy.stats; Holm's correction is his example's.

import Statistics
import Testing

@Suite struct PairedTestsTests {
  @Test func studentsIsThatOfScipy() throws {
    let test = try #require(PairedTest.student(Sample([0.3, -0.1, 0.7, 1.2, 0.4, -0.25, 0.9])))
    #expect((test.t - 2.2738101868796003).magnitude < 1e-12)
    #expect((test.probability - 0.06333553946435287).magnitude < 1e-12)
    #expect(PairedTest.student(Sample([1])) == nil && PairedTest.student(Sample([1, 1, 1])) == nil)
  }

  @Test(
    arguments: [
      ([0.3, -0.1, 0.7, 1.2, 0.4, -0.25, 0.9], 0.078125),
      ([1, 2, 3], 0.25), ([-1, -2, -3, 0], 0.25), ([0.4], 1),
      ([0.1, 0.5, -0.2, 0.3, 0.8, 1.1, -0.4, 0.9, 1.3, 0.6], 0.02734375),
      // Equal differences have the mean of their ranks: 4 of 64 ways are as far out, on either side.
      ([1, 1, -1, 2, 2, 3], 0.125),
      ((1...250).map { Double($0) * ($0 % 3 == 1 ? -1 : 1) }, 6.93072004103301e-06),
    ] as [([Double], Double)])
  func signedRanksAreScipys(_ differences: [Double], _ expected: Double) throws {
    let probability = try #require(PairedTest.signedRanks(differences))
    #expect((probability / expected - 1).magnitude < 1e-9)
  }

  @Test func nothingButZerosHaveNoSigns() { #expect(PairedTest.signedRanks([0, 0]) == nil) }

  @Test func manyTestsAreCorrectedTogether() {
    let adjusted = PairedTest.holm([0.01, 0.04, nil, 0.03, 0.005])
    let expected: [Double?] = [0.03, 0.06, nil, 0.06, 0.02]
    for (a, b) in zip(adjusted, expected) {
      #expect((a == nil) == (b == nil) && ((a ?? 0) - (b ?? 0)).magnitude < 1e-15)
    }
    #expect(PairedTest.holm([0.9, 0.8]) == [1, 1] && PairedTest.holm([]) == [])
  }
}
