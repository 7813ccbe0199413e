// Owns scores: numbers by name, as a JSON object that people and tables read.

import Canonical
import ContentStore
import Foundation
import Workflow

/// Numbers (and lists of numbers) by name. Values that are not finite are refused: JSON has none.
struct Scores {
  private(set) var members: [String: JSON] = [:]

  subscript(name: String) -> Double? {
    get { members[name]?.doubleValue }
    set { members[name] = newValue.map(JSON.number) }
  }

  mutating func set(_ name: String, list: [Double]) { members[name] = .array(list.map(JSON.number)) }

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
