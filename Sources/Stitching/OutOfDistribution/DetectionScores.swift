// Owns how well a score tells two sorts of samples apart. It doesn't know what the score is of.

/// How well a score, which is to be larger for positives, tells them from negatives. Samples of equal scores aren't told
/// apart by any of these numbers.
public struct DetectionScores: Sendable, Hashable {
  /// The area under the receiver's operating curve: the chance that a positive scores above a negative, ties counting
  /// half. 0.5: they aren't told apart.
  public let auroc: Double
  /// Average precision, Σ (Rₙ − Rₙ₋₁)·Pₙ over the thresholds: the share of positives where they aren't told apart.
  public let aupr: Double
  /// The share of negatives at or above the largest threshold that at least 95% of the positives reach.
  public let fpr95: Double

  /// - Throws: `StitchingError` where there are none of a sort, or a score is no number.
  public init(positives: [Double], negatives: [Double]) throws {
    guard !positives.isEmpty, !negatives.isEmpty else {
      throw StitchingError(
        "there is nothing to tell apart: \(positives.count) positives, \(negatives.count) negatives")
    }
    for (sort, scores) in [("positive", positives), ("negative", negatives)] {
      if let wrong = scores.firstIndex(where: { !$0.isFinite }) {
        throw StitchingError("the score of \(sort) \(wrong) is \(scores[wrong])")
      }
    }
    let samples = (positives.map { ($0, true) } + negatives.map { ($0, false) }).sorted { $0.0 > $1.0 }
    let (p, n) = (Double(positives.count), Double(negatives.count))
    var (above, others) = (0.0, 0.0)
    var (pairs, precision) = (0.0, 0.0)
    var missed: Double?
    var next = 0
    while next < samples.count {
      // All of one score pass the threshold together.
      let score = samples[next].0
      var (more, moreOthers) = (0.0, 0.0)
      while next < samples.count, samples[next].0 == score {
        if samples[next].1 { more += 1 } else { moreOthers += 1 }
        next += 1
      }
      pairs += moreOthers * (above + more / 2)
      above += more
      others += moreOthers
      precision += more / p * above / (above + others)
      if missed == nil, above >= 0.95 * p { missed = others / n }
    }
    auroc = pairs / (p * n)
    aupr = precision
    fpr95 = missed!
  }
}
