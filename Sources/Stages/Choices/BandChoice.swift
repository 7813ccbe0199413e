// Owns the words for what figures show of the spread of numbers that they take the mean of.

import Statistics
import Workflow

enum BandChoice: String, ParameterChoice {
  /// An interval for the mean.
  case interval
  /// A sample standard deviation to both sides.
  case std
  case none

  /// Where the band ends; nil: there is none, or a single number has no spread.
  func ends(of sample: Sample, _ interval: any IntervalMethod) -> ClosedRange<Double>? {
    switch self {
    case .interval: interval.interval(of: sample)
    case .std: sample.deviation.map { sample.mean - $0...sample.mean + $0 }
    case .none: nil
    }
  }

  /// What lines with such bands are, `counts` numbers at a place.
  func note(over: [String], counts: [Int], interval: any IntervalMethod) -> String {
    let (least, most) = (counts.min() ?? 0, counts.max() ?? 0)
    let band =
      switch self {
      case .interval: ", band: \(interval.intervalTitle)"
      case .std: ", band: ± one sample standard deviation"
      case .none: ""
      }
    let single = least == 1 && self != .none ? "; a single value has no band" : ""
    return "mean over \(over.joined(separator: ", "))\(band), n = "
      + (least == most ? "\(most)" : "\(least) to \(most)") + single
  }
}
