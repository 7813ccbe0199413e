// Owns the words for intervals of means in pipeline files.

import Statistics
import Workflow

/// `interval: t`, `interval: bootstrap`, `interval: { kind: bootstrap, level: 0.9, seed: 1 }`.
struct IntervalChoice: ParameterVariants {
  typealias Words = any IntervalWords
  static let variants: [any ParameterVariant.Type] = [StudentWords.self, BootstrapWords.self]
  let variant: any ParameterVariant

  init(_ variant: any ParameterVariant) { self.variant = variant }

  var method: any IntervalMethod { words.method }
}

/// Words for one sort of interval.
protocol IntervalWords: ParameterVariant {
  var method: any IntervalMethod { get }
}

struct StudentWords: IntervalWords {
  static let kind = "t"
  @Parameter("the share of such intervals that hold the mean", .between(0.5, 0.9999)) var level = 0.95
  var method: any IntervalMethod { StudentInterval(level: level) }
}

struct BootstrapWords: IntervalWords {
  static let kind = "bootstrap"
  @Parameter("the share of such intervals that hold the mean", .between(0.5, 0.9999)) var level = 0.95
  @Parameter("how often as many numbers are drawn", .between(100, 1_000_000)) var resamples = 10_000
  @Parameter("bca: for bias and skewness; percentile: not at all") var correction =
    BootstrapInterval.Correction.bca
  @Parameter("of the draws", .atLeast(0)) var seed = 0
  var method: any IntervalMethod {
    BootstrapInterval(level: level, resamples: resamples, correction: correction, seed: seed)
  }
}

extension BootstrapInterval.Correction: ParameterChoice {}
