import Stitching
import Tensor
import Testing

@Suite struct DetectionScoresTests {
  /// By the definitions, pair by pair and threshold by threshold.
  private func slowly(_ p: [Double], _ n: [Double]) -> (auroc: Double, aupr: Double, fpr95: Double) {
    var pairs = 0.0
    for a in p { for b in n { pairs += a > b ? 1 : a == b ? 0.5 : 0 } }
    func share(_ scores: [Double], _ threshold: Double) -> Double {
      Double(scores.count { $0 >= threshold }) / Double(scores.count)
    }
    let thresholds = Set(p + n).sorted(by: >)
    var (precision, before) = (0.0, 0.0)
    for threshold in thresholds {
      let (right, wrong) = (p.count { $0 >= threshold }, n.count { $0 >= threshold })
      precision += (share(p, threshold) - before) * Double(right) / Double(right + wrong)
      before = share(p, threshold)
    }
    let first = thresholds.first { share(p, $0) >= 0.95 }!
    return (pairs / Double(p.count * n.count), precision, share(n, first))
  }

  @Test(arguments: [1, 2, 3, 10, 1000])
  func theyAreThoseOfTheDefinitionsWithTiesOfAnyNumber(levels: Int) throws {
    let draws = Philox(seed: 5, purpose: .tests)
    // Of few levels nearly all are ties.
    let positives = (0..<57).map { Double(draws.integer(at: $0, below: levels)) }
    let negatives = (0..<83).map {
      Double(draws.stream(1).integer(at: $0, below: levels)) - 0.3 * Double(levels > 2 ? 1 : 0)
    }
    let scores = try DetectionScores(positives: positives, negatives: negatives)
    let expected = slowly(positives, negatives)
    #expect(abs(scores.auroc - expected.auroc) < 1e-12)
    #expect(abs(scores.aupr - expected.aupr) < 1e-12)
    #expect(scores.fpr95 == expected.fpr95)
  }

  @Test func whatCantBeToldApartIsAtChanceAndWhatCanAtTheEnds() throws {
    let same = try DetectionScores(positives: [1, 2, 2, 3], negatives: [1, 2, 2, 3])
    #expect(same.auroc == 0.5 && same.fpr95 == 1)
    let constant = try DetectionScores(positives: [1, 1, 1], negatives: [1])
    #expect(constant.auroc == 0.5 && constant.aupr == 0.75 && constant.fpr95 == 1)
    let apart = try DetectionScores(positives: [3, 4], negatives: [1, 2])
    #expect(apart.auroc == 1 && apart.aupr == 1 && apart.fpr95 == 0)
    let turned = try DetectionScores(positives: [1, 2], negatives: [3, 4])
    #expect(turned.auroc == 0 && turned.fpr95 == 1)
  }

  @Test func nothingAndNoNumbersAreRefused() {
    #expect(throws: StitchingError("there is nothing to tell apart: 0 positives, 1 negatives")) {
      try DetectionScores(positives: [], negatives: [1])
    }
    #expect(throws: StitchingError("the score of negative 1 is nan")) {
      try DetectionScores(positives: [1], negatives: [1, .nan])
    }
  }
}
