// Owns what a measure can be told besides the two representations.

/// A parameter of a measure.
public struct MeasureParameter: Sendable, Hashable {
  public enum Values: Sendable, Hashable {
    case wholes(ClosedRange<Int>)
    case numbers(ClosedRange<Double>)
    case words([String])
  }

  /// The name in pipeline files.
  public let name: String
  public let help: String
  public let values: Values
  public let fallback: MeasureSetting

  static func whole(_ name: String, _ help: String, _ fallback: Int, _ range: ClosedRange<Int>) -> Self {
    MeasureParameter(name: name, help: help, values: .wholes(range), fallback: .whole(fallback))
  }
  static func number(
    _ name: String, _ help: String, _ fallback: Double, _ range: ClosedRange<Double>
  ) -> Self {
    MeasureParameter(name: name, help: help, values: .numbers(range), fallback: .number(fallback))
  }
  /// The first of the words is the default.
  static func word(_ name: String, _ help: String, _ words: [String]) -> Self {
    MeasureParameter(name: name, help: help, values: .words(words), fallback: .word(words[0]))
  }
}

/// A parameter's value.
public enum MeasureSetting: Sendable, Hashable, CustomStringConvertible {
  case whole(Int)
  case number(Double)
  case word(String)

  public var description: String {
    switch self {
    case .whole(let value): "\(value)"
    case .number(let value): "\(value)"
    case .word(let value): value
    }
  }
}

/// The values of all parameters of a measure.
struct MeasureSettings: Sendable {
  private let values: [String: MeasureSetting]

  init(of measure: Measure, _ written: [String: MeasureSetting]) {
    values = Dictionary(
      uniqueKeysWithValues: measure.parameters.map { ($0.name, written[$0.name] ?? $0.fallback) })
  }

  func whole(_ name: String) -> Int {
    guard case .whole(let value)? = values[name] else { preconditionFailure("BUG: no whole '\(name)'") }
    return value
  }
  func number(_ name: String) -> Double {
    guard case .number(let value)? = values[name] else { preconditionFailure("BUG: no number '\(name)'") }
    return value
  }
  func word(_ name: String) -> String {
    guard case .word(let value)? = values[name] else { preconditionFailure("BUG: no word '\(name)'") }
    return value
  }
}
