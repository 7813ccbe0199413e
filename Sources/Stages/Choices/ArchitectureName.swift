// Owns the words for architectures in pipeline files.

import Canonical
import NeuralNetworks
import Workflow

/// The name of an architecture that there is.
struct ArchitectureName: ParameterValue {
  let name: String

  static var expectation: String { "one of \(Architecture.knownNames)" }
  static var schema: JSON {
    ["type": "string", "examples": .array(Architecture.usualNames.map(JSON.string))]
  }

  init(raw: RawValue) throws {
    guard case .scalar(let text, _, let place) = raw else { throw Self.issue(raw) }
    guard Architecture.isKnown(text) else {
      let near = nearestName(to: text, in: Architecture.usualNames).map { didYouMean([$0]) }
      throw DecodingIssue(
        place, "unknown architecture '\(text)'\(near ?? ". Known: \(Architecture.knownNames)")")
    }
    name = text
  }

  var json: JSON { .string(name) }
}
