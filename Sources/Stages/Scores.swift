// Owns scores: numbers by name, as a JSON object that people and tables read.

import Canonical
import ContentStore
import Foundation
import Workflow

/// Numbers (and lists of numbers) by name. Values that are not finite are refused: JSON has none.
struct Scores {
  private var members: [String: JSON] = [:]

  subscript(name: String) -> Double? {
    get { members[name]?.doubleValue }
    set { set(name, newValue.map(JSON.number)) }
  }

  mutating func set(_ name: String, list: [Double]) { set(name, .array(list.map(JSON.number))) }

  private mutating func set(_ name: String, _ value: JSON?) {
    precondition(isSnakeCase(name), "BUG: the score '\(name)' is to be called in snake_case")
    members[name] = value
  }

  func write(to output: OutputArtifact) throws {
    for (name, value) in members {
      let numbers = value.arrayValue ?? [value]
      guard numbers.allSatisfy({ $0.doubleValue?.isFinite ?? true }) else {
        throw InputError(message: "the score '\(name)' is not a number")
      }
    }
    try Data((JSON.object(members).canonical + "\n").utf8).write(to: output.url)
  }
}

/// A number with a fixed count of decimals, the same in every locale.
func fixed(_ value: Double, digits: Int) -> String { String(format: "%.\(digits)f", value) }
