// Owns what is said of several numbers of one sort: how many, their mean, their spread, and where the mean of more of
// them would lie.

/// Numbers that are taken together, over seeds say. It doesn't know what they are of.
public struct Sample {
  public let values: [Double]

  /// - Precondition: there is at least one number.
  public init(_ values: [Double]) {
    precondition(!values.isEmpty, "BUG: nothing is known of no numbers")
    self.values = values
  }

  public var count: Int { values.count }

  /// Added in their order.
  public var mean: Double { values.reduce(0, +) / Double(count) }

  /// The sample standard deviation (n − 1); nil for a single number, of whose spread nothing is known.
  public var deviation: Double? {
    guard count > 1 else { return nil }
    let centre = mean
    return (values.reduce(0) { $0 + ($1 - centre) * ($1 - centre) } / Double(count - 1)).squareRoot()
  }

  /// What estimates the mean's own spread: s/√n; nil for a single number.
  public var standardError: Double? { deviation.map { $0 / Double(count).squareRoot() } }
}

/// A way to say where the mean of many more such numbers lies.
public protocol IntervalMethod: Sendable {
  /// The share of such intervals that hold it.
  var level: Double { get }
  /// What it is called in a figure: `t`, `bootstrap (BCa, 10000 resamples)`.
  var title: String { get }
  /// Nil for a single number.
  func interval(of sample: Sample) -> ClosedRange<Double>?
}

extension IntervalMethod {
  /// `95% t interval`.
  public var intervalTitle: String {
    let percent = level * 100
    let spelled = percent == percent.rounded() ? "\(Int(percent))" : "\(percent)"
    return "\(spelled)% \(title) interval"
  }
}
