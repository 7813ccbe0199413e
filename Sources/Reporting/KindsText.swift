// Owns what `bobbin kinds` prints. All of it derives from the kinds' declarations.

import Canonical
import ContentStore
import Workflow

/// The stage kinds as help.
public enum KindsText {
  /// One line a kind.
  public static func list(_ catalogue: KindCatalogue) -> String {
    let width = catalogue.names.map(\.count).max() ?? 0
    let lines = catalogue.all.map { "\(padded($0.name, width))  \($0.summary)" }
    return lines.joined(separator: "\n") + "\n"
  }

  /// One kind with everything that can be written under `with:`, and what it makes.
  /// - Parameter receivers: what a command's outputs can become.
  public static func details(_ kind: KindDescription, receivers: [ReceiverDescription] = []) -> String {
    var text = "\(kind.name): \(kind.summary)\n"
    if !kind.discussion.isEmpty { text += "\n" + wrapped(kind.discussion, indent: "") }
    let inputs = kind.inputs.map { Entry($0.name, facts(of: $0), $0.help) }
    let files = kind.externals.map { Entry($0.name, facts(of: $0), $0.help) }
    // What a command's parameters are made from is the discussion's: it isn't written under `with:`.
    let parameters = (kind.takesCommands ? [] : kind.parameters).flatMap { parameter in
      [Entry(parameter.name, facts(of: parameter), parameter.help)]
        + members(of: kind.schema["properties"]?[parameter.name], under: parameter.name)
    }
    let outputs = kind.outputs.map { Entry($0.name, $0.type.name, $0.help) }
    text += section("Inputs", inputs) + section("Files outside the pipeline", files)
    text += section("Parameters", parameters) + section("Outputs", outputs)
    if kind.takesCommands {
      text += section(
        "Types of outputs",
        receivers.map { receiver in
          let ending = receiver.type.fileExtension
          return Entry(
            receiver.type.name, ending.isEmpty ? "becomes a folder" : "becomes a .\(ending) file",
            receiver.help)
        })
    }
    return text
  }

  private typealias Entry = (name: String, facts: String, help: String)

  private static func section(_ title: String, _ entries: [Entry]) -> String {
    guard !entries.isEmpty else { return "" }
    let width = entries.map(\.name.count).max()!
    let indent = String(repeating: " ", count: width + 4)
    let texts = entries.map { entry in
      "  \(padded(entry.name, width))  \(entry.help)\n" + wrapped(entry.facts, indent: indent)
    }
    return "\n\(title)\n" + texts.joined()
  }

  private static func facts(of input: InputDescription) -> String {
    let types =
      input.types.contains(.file) ? "any artifact" : input.types.map(\.name).joined(separator: " or ")
    return switch input.arity {
    case .one: types
    case .optional: "\(types); may be left out"
    case .list: "\(types); a list or a group" + (input.labelled ? ", whose axes it sees" : "")
    }
  }

  private static func facts(of file: ExternalDescription) -> String {
    "a path, or a reference to what another stage made ("
      + (["a file"] + file.types.map(\.name)).joined(separator: " or ") + "); the content is in the key"
      + (file.patterns.isEmpty ? "" : "; of a folder, files called " + file.patterns.joined(separator: ", "))
  }

  private static func facts(of parameter: ParameterDescription) -> String {
    var facts = [parameter.expectation]
    if let bounds = parameter.bounds { facts.append(bounds) }
    if let unit = parameter.unit { facts.append("in \(unit)") }
    facts.append(parameter.defaultValue.map { "default \(spelled($0))" } ?? "must be written")
    if let (since, before) = parameter.news {
      facts.append("since \(since), before as with \(spelled(before))")
    }
    return facts.joined(separator: "; ")
  }

  /// What stands in a parameter that is a map, by its schema: `adversary.epsilon`.
  /// - Parameter variant: whether it is one of several maps, told apart by their `kind`.
  private static func members(of schema: JSON?, under name: String, variant: Bool = false) -> [Entry] {
    guard let schema else { return [] }
    let choices =
      [schema] + (schema["anyOf"]?.arrayValue ?? []) + (schema["items"]?["anyOf"]?.arrayValue ?? [])
    let variants = choices.filter { $0["properties"]?["kind"]?["const"] != nil }
    if !variant, !variants.isEmpty { return variants.flatMap { members(of: $0, under: name, variant: true) } }
    guard let properties = choices.lazy.compactMap({ $0["properties"]?.objectValue }).first else { return [] }
    let required = choices.lazy.compactMap { $0["required"]?.arrayValue }.first ?? []
    let kind = variant ? properties["kind"]?["const"].map { "with kind: \(spelled($0))" } : nil
    let written = properties.filter { !variant || $0.key != "kind" }
    return written.sorted { $0.key < $1.key }.flatMap { member, schema -> [Entry] in
      let path = "\(name).\(member)"
      let absent = required.contains(.string(member)) ? "must be written" : "may be left out"
      let facts = [
        kind,
        schema["enum"]?.arrayValue.map { "one of " + $0.map(spelled).joined(separator: ", ") },
        schema["minimum"].map { "at least \(spelled($0))" },
        schema["exclusiveMinimum"].map { "above \(spelled($0))" },
        schema["maximum"].map { "at most \(spelled($0))" },
        schema["default"].map { "default \(spelled($0))" } ?? absent, schema["$comment"]?.stringValue,
      ]
      let entry = Entry(
        path, facts.compactMap { $0 }.joined(separator: "; "), schema["description"]?.stringValue ?? "")
      return [entry] + members(of: schema, under: path)
    }
  }

  /// A default as it would be written in a pipeline file.
  private static func spelled(_ value: JSON) -> String {
    switch value {
    case .string(let text) where !text.isEmpty: text
    case .number(let number): Int(exactly: number).map(String.init) ?? value.canonical
    case .object(let members) where !members.isEmpty:
      "{ "
        + members.sorted { $0.key < $1.key }.map { "\($0.key): \(spelled($0.value))" }.joined(separator: ", ")
        + " }"
    case .array(let values): "[" + values.map(spelled).joined(separator: ", ") + "]"
    default: value.canonical
    }
  }

  /// Words in lines of at most 100 characters.
  private static func wrapped(_ text: String, indent: String) -> String {
    var lines: [String] = []
    for paragraph in text.split(separator: "\n", omittingEmptySubsequences: false) {
      var line = ""
      for word in paragraph.split(separator: " ") {
        if !line.isEmpty, indent.count + line.count + 1 + word.count > 100 {
          lines.append(indent + line)
          line = ""
        }
        line += line.isEmpty ? String(word) : " \(word)"
      }
      lines.append(line.isEmpty ? "" : indent + line)
    }
    return lines.joined(separator: "\n") + "\n"
  }
}
