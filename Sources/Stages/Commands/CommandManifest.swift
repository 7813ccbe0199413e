// Owns what a command is told of its inputs and outputs beside their paths in its text: a JSON file, which the variable
// `BOBBIN_INPUTS` names.

import Canonical
import Foundation
import Processes
import Workflow

/// `{"inputs": {"scores": [{"path": …, "stage": "scores", "axes": {"seed": "0"}}]}, "outputs": {"acts": {"path": …,
/// "type": "activations"}}}`
struct CommandManifest {
  static let variable = "BOBBIN_INPUTS"
  private let json: JSON

  /// - Parameters:
  ///   - paths: of each input, by its name, in the order of its members.
  ///   - types: of the outputs that are no plain files.
  ///   - resume: the output that holds its state; nil when it has none.
  init(
    _ context: StageContext, paths: [String: [String]], types: [String: String], resume: String? = nil
  ) {
    let inputs = paths.map { name, paths in
      let members = context.inputs[name] ?? []
      return (
        name,
        JSON.array(
          paths.enumerated().map { i, path in
            var member: [String: JSON] = ["path": .string(path)]
            // Only those of which the key knows it.
            if i < members.count, !members[i].stage.isEmpty {
              member["stage"] = .string(members[i].stage)
              let axes = members[i].labels.map { ($0.axis, JSON.string($0.value)) }
              member["axes"] = .object(Dictionary(axes) { first, _ in first })
            }
            return .object(member)
          })
      )
    }
    let outputs = context.outputs.map { name, output in
      (name, ["path": .string(output.url.path), "type": .string(types[name] ?? "file")] as JSON)
    }
    var members: [String: JSON] = [
      "inputs": .object(Dictionary(uniqueKeysWithValues: inputs)),
      "outputs": .object(Dictionary(uniqueKeysWithValues: outputs)),
    ]
    members["resume"] = resume.map(JSON.string)
    json = .object(members)
  }

  /// Writes it into a file that isn't there yet. It need not outlive the machine: the command alone reads it.
  func write(to file: String) throws {
    let code = appendText(json.canonical + "\n", to: file)
    guard code == 0 else {
      throw Failure(
        code == ENOSPC || code == EDQUOT || code == EFBIG ? .store : .other,
        "\(file) can't be written: \(SystemError(code))")
    }
  }
}
