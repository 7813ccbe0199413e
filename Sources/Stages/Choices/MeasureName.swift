// Owns the words for measures of similarity in pipeline files.

import Canonical
import Similarity
import Workflow

/// The name of a measure that there is.
struct MeasureName: ParameterValue {
  let measure: Measure

  /// The measure of a name that the code writes.
  init(_ name: String) {
    guard let measure = Measure.all.first(where: { $0.name == name }) else {
      preconditionFailure("BUG: there is no measure '\(name)'")
    }
    self.measure = measure
  }

  static var expectation: String { "one of \(names.joined(separator: ", "))" }
  static var schema: JSON { ["enum": .array(names.map(JSON.string))] }
  private static var names: [String] { Measure.all.map(\.name) }

  init(raw: RawValue) throws {
    guard case .scalar(let text, _, let place) = raw else { throw Self.issue(raw) }
    guard let measure = Measure.all.first(where: { $0.name == text }) else {
      throw DecodingIssue(place, "there is no measure '\(text)'\(suggestion(for: text, in: Self.names))")
    }
    self.measure = measure
  }

  var json: JSON { .string(measure.name) }
}
