// Owns receiving scores that a command wrote, so that own measures stand beside native ones.

import Canonical
import Foundation
import Workflow

struct ScoresReceiver: ArtifactReceiver {
  static let type = ArtifactType.scores
  static let help = "a JSON object of numbers, or lists of numbers, by names in snake_case"

  func receive(_ written: URL, as output: OutputArtifact) throws {
    let text = try boundedText(of: written)
    let json: JSON
    do { json = try JSON(parsing: text) } catch let error as JSONError {
      // Python writes these; JSON has none.
      let rest = text.dropFirst(error.offset)
      if let word = ["NaN", "Infinity", "-Infinity"].first(where: { rest.starts(with: $0.utf8) }) {
        throw InputError(message: "\(word) at byte \(error.offset), expected finite numbers")
      }
      throw error
    }
    guard let members = json.objectValue else { throw InputError(message: "found \(json.kindOfValue)") }
    guard !members.isEmpty else { throw InputError(message: "there are no scores in it") }
    for (name, value) in members.sorted(by: { $0.key < $1.key }) {
      guard isSnakeCase(name) else {
        throw InputError(message: "the score '\(name)' is not called in snake_case, such as my_measure")
      }
      if let list = value.arrayValue {
        if let wrong = list.firstIndex(where: { $0.doubleValue == nil }) {
          throw InputError(
            message: "the score '\(name)' has \(list[wrong].kindOfValue) at index \(wrong), expected numbers")
        }
      } else if value.doubleValue == nil {
        throw InputError(
          message: "the score '\(name)' is \(value.kindOfValue), expected a number or a list of numbers")
      }
    }
    try Data((json.canonical + "\n").utf8).write(to: output.url)
  }
}
