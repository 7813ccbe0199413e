// Owns `run:` stages: how the text of a command becomes the parameters and inputs of the kind `command`.
// What the parameter `run` looks like is `CommandText`'s.

import ContentStore
import Workflow

/// What a command writes.
struct CommandOutput {
  var name: String
  /// The name of the file or folder.
  var file: String
  /// What makes an artifact of it; nil for a plain file.
  var receiver: ReceiverDescription?
  var type: ArtifactType { receiver?.type ?? .file }
}

/// What is written in a stage with `run`.
struct CommandDeclaration {
  let run: Template
  private let segments: [Segment]
  private let patterns: [String]
  private let outputs: [CommandOutput]

  init(run raw: RawValue, patterns: [String], outputs: [CommandOutput]) throws {
    run = try Template(raw)
    self.patterns = patterns
    self.outputs = outputs
    switch run {
    case .scalar(let text, _, _): segments = [.literal(text)]
    case .whole(let expression, _): segments = [.expression(expression)]
    case .text(let parts, _, _): segments = parts
    case .null(let place), .list(_, let place), .map(_, let place):
      throw DecodingIssue(place, "run: expected the text of a command, found \(raw.found)")
    }
    for case .expression(let expression) in segments where expression.path.root == "out" {
      let path = expression.path
      guard path.members.count == 1, path.selectors.isEmpty, expression.comparison == nil,
        outputs.contains(where: { $0.name == path.members[0] })
      else {
        let cure = suggestion(for: path.members.joined(separator: "."), in: outputs.map(\.name))
        throw DecodingIssue(run.place, "run: ${\(path.text)} is not among 'outputs'\(cure)")
      }
    }
  }

  /// A command at one point of the matrix.
  struct Bound {
    var parameters: [RawValue.Member]
    var inputs: [InputBinding]
    var code: CommandCode
  }

  /// - Parameter source: the output that a reference means, for each of its instances, and the extension that
  ///   its file would have.
  func bound(
    at point: Point, _ evaluator: Evaluator, source: (Group) throws -> ([Source], String)
  ) throws -> Bound {
    var text = CommandText()
    var inputs: [InputBinding] = []
    var extensions: [String: String] = [:]
    for segment in segments {
      switch segment {
      case .literal(let part): text.append(.literal(part))
      case .expression(let expression):
        try evaluator.refuseComparison(expression, at: run.place)
        let path = expression.path
        if path.root == "out" {
          text.append(.output(path.members[0]))
          continue
        }
        guard case .group(let group, _) = try evaluator.find(path, at: run.place, in: point).value else {
          text.append(
            .literal(CommandText.quoted(try evaluator.scalar(path, at: run.place, in: point))))
          continue
        }
        let (sources, fileExtension) = try source(group)
        let ordinal = inputs.firstIndex { $0.sources == sources } ?? inputs.count
        if ordinal == inputs.count {
          inputs.append(
            InputBinding(
              name: String(ordinal + 1), isList: sources.count != 1, labelled: false, sources: sources))
          if !fileExtension.isEmpty { extensions[String(ordinal + 1)] = fileExtension }
        }
        text.append(.input(ordinal + 1))
      }
    }
    guard text.text.contains(where: { !$0.isWhitespace }) else {
      throw DecodingIssue(run.place, "run: nothing to run")
    }
    let place = run.place
    func texts(_ name: String, _ texts: [String: String]) -> RawValue.Member {
      let members = texts.sorted { $0.key < $1.key }.map {
        RawValue.Member(name: $0.key, place: place, value: .scalar($0.value, quoted: true, place))
      }
      return RawValue.Member(name: name, place: place, value: .map(members, place))
    }
    let received = outputs.filter { $0.receiver != nil }
    return Bound(
      parameters: [
        RawValue.Member(name: "run", place: place, value: .scalar(text.text, quoted: true, place)),
        texts("outputs", Dictionary(uniqueKeysWithValues: outputs.map { ($0.name, $0.file) })),
        texts("types", Dictionary(uniqueKeysWithValues: received.map { ($0.name, $0.type.name) })),
        // So that programs which go by a file's name can read what they are given.
        texts("extensions", extensions),
      ],
      inputs: inputs,
      code: CommandCode(
        patterns: patterns, line: text.text,
        reception: CodeManifest(
          files: received.reduce(into: [:]) { $0.merge($1.receiver!.code.files) { $1 } })))
  }
}
