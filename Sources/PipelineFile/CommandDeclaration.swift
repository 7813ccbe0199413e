// Owns `run:` stages: how the text of a command becomes the parameters and inputs of the kind `command`.
// What the parameter `run` looks like is `CommandText`'s.

import ContentStore
import Foundation
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
  /// The keys that such a stage may have beside those of every stage.
  static let keys =
    ["run", "shell", "arguments", "code", "inputs", "outputs", "resume"] + plainKeys
  /// Those that are the kind's parameters as they stand.
  private static let plainKeys = ["workdir", "trace", "sandbox", "network"]

  let run: Template
  let outputs: [CommandOutput]
  private let reading: CommandReading
  private let shell: CommandShell
  private let arguments: [Template]
  private let inputs: [Template.Member]
  /// The parameters that are the same at every point.
  private let fixed: [RawValue.Member]
  private let code: Code

  /// What the code of its instances is made from, and where their words don't decide about it, that itself.
  private struct Code {
    var patterns: [String]
    var shell: CommandShell
    var isPrivate: Bool
    var reception: CodeManifest
    var usual: CommandCode?

    func code(of line: String) -> CommandCode {
      CommandCode(patterns: patterns, line: line, shell: shell, isPrivate: isPrivate, reception: reception)
    }
  }

  /// Throws `DecodingIssue`.
  init(_ keys: Keys, run raw: RawValue, at stage: Place, _ plain: PlainValues, _ catalogue: KindCatalogue)
    throws
  {
    run = try Template(raw)
    outputs = try plain.outputs(keys["outputs"], at: stage, catalogue)
    shell = try plain.shell(keys["shell"])
    let workdir = keys["workdir"]
    let patterns = try plain.patterns(keys["code"])
    arguments = try keys.list("arguments").map { raw in
      guard case .scalar = raw else {
        throw DecodingIssue(raw.place, "arguments: expected a word, found \(raw.found)")
      }
      return try Template(raw)
    }
    inputs = try keys.map("inputs").members.map { member in
      guard Spelling.isName(member.name) else {
        throw DecodingIssue(member.place, "inputs: '\(member.name)' is not a name: letters, digits and _")
      }
      return Template.Member(name: member.name, place: member.place, value: try Template(member.value))
    }
    let resume = try keys["resume"].map { [outputs] in
      try CommandDeclaration.ownOutput($0, among: outputs)
    }
    let segments: [Segment]
    switch run {
    case .scalar(let text, _, _): segments = [.literal(text)]
    case .whole(let expression, _): segments = [.expression(expression)]
    case .text(let parts, _, _): segments = parts
    case .null(let place), .list(_, let place), .map(_, let place):
      throw DecodingIssue(place, "run: expected the text of a command, found \(raw.found)")
    }
    let names = ["out": outputs.map(\.name), "in": inputs.map(\.name)]
    for template in [run] + arguments {
      var wrong: DecodingIssue?
      let key = template.place == run.place ? "run" : "arguments"
      template.visitPaths { path, place in
        wrong = wrong ?? CommandDeclaration.check(path, among: names, key, at: place)
      }
      if let wrong { throw wrong }
    }
    for case .expression(let expression) in segments where !shell.isPOSIX {
      throw DecodingIssue(
        run.place,
        "run: ${\(expression.path.text)} can't be put into a text for '\(shell.words.joined(separator: " "))', since it "
          + "isn't known here how that reads. List it under 'arguments', which the program gets after the text "
          + "(sys.argv of Python)")
    }
    reading = CommandReading(segments, isShells: shell.isPOSIX)
    let received = outputs.filter { $0.receiver != nil }
    fixed =
      [
        .list("shell", shell.words, at: run.place),
        .map("outputs", Dictionary(uniqueKeysWithValues: outputs.map { ($0.name, $0.file) }), at: run.place),
        .map(
          "types", Dictionary(uniqueKeysWithValues: received.map { ($0.name, $0.type.name) }), at: run.place),
      ]
      + CommandDeclaration.plainKeys.compactMap { name in
        keys[name].map { RawValue.Member(name: name, place: $0.place, value: $0) }
      }
      + (resume.map { [RawValue.Member(name: "resume", place: $0.place, value: $0)] } ?? [])
    var isPrivate = true
    if case .scalar("project", _, _)? = workdir { isPrivate = false }
    var code = Code(
      patterns: patterns, shell: shell, isPrivate: isPrivate,
      reception: CodeManifest(files: received.reduce(into: [:]) { $0.merge($1.receiver!.code.files) { $1 } }))
    code.usual = reading.textWithHoles.map(code.code)
    self.code = code
  }

  /// The name that `${out.name}` means.
  private static func ownOutput(_ raw: RawValue, among outputs: [CommandOutput]) throws -> RawValue {
    guard case .whole(let expression, let place) = try Template(raw), expression.comparison == nil,
      expression.path.root == "out", expression.path.members.count == 1, expression.path.selectors.isEmpty,
      let name = expression.path.members.first
    else {
      throw DecodingIssue(
        raw.place, "resume: expected an output of this command such as ${out.state}, found \(raw.found)")
    }
    guard let output = outputs.first(where: { $0.name == name }) else {
      throw DecodingIssue(
        place,
        "resume: ${out.\(name)} is not among 'outputs'\(suggestion(for: name, in: outputs.map(\.name)))")
    }
    return .scalar(output.name, quoted: true, place)
  }

  /// Checks that `out.x` and `in.x` are declared.
  private static func check(
    _ path: Path, among names: [String: [String]], _ key: String, at place: Place
  ) -> DecodingIssue? {
    guard let known = names[path.root] else { return nil }
    guard path.members.count == 1, path.selectors.isEmpty, known.contains(path.members[0]) else {
      let cure = suggestion(for: path.members.joined(separator: "."), in: known)
      return DecodingIssue(place, "\(key): ${\(path.text)} is not among '\(path.root)puts'\(cure)")
    }
    return nil
  }

  /// Every value that may refer to stages.
  var templates: [Template] { [run] + arguments + inputs.map(\.value) }

  /// A command at one point of the matrix.
  struct Bound {
    var parameters: [RawValue.Member]
    var inputs: [InputBinding]
    var externals: [ExternalBinding]
    var code: CommandCode
  }

  /// - Parameters:
  ///   - root: the project's.
  ///   - source: the output that a reference means, for each of its instances, and the extension that its file would
  ///     have.
  func bound(
    at point: Point, _ evaluator: Evaluator, root: URL,
    source: @escaping (Group, Place) throws -> ([Source], String)
  ) throws -> Bound {
    var words = CommandWords(point: point, evaluator: evaluator, source: source)
    for input in inputs { try words.declare(input, root: root) }
    let place = run.place
    let (commandText, isUsual) = try words.text(reading, at: place)
    let text = commandText.text
    guard text.contains(where: { !$0.isWhitespace }) else {
      throw DecodingIssue(place, "run: nothing to run")
    }
    let arguments = try arguments.flatMap { try words.arguments($0) }
    return Bound(
      parameters: [
        RawValue.Member(name: "run", place: place, value: .scalar(text, quoted: true, place)),
        .list("arguments", arguments, at: place), .map("inputs", words.places, at: place),
        .map("extensions", words.extensions, at: place),
      ] + fixed, inputs: words.inputs, externals: words.externals,
      code: isUsual ? code.usual ?? code.code(of: text) : code.code(of: text))
  }
}

extension RawValue.Member {
  /// A list of texts, as if it had been written.
  fileprivate static func list(_ name: String, _ texts: [String], at place: Place) -> RawValue.Member {
    RawValue.Member(
      name: name, place: place, value: .list(texts.map { .scalar($0, quoted: true, place) }, place))
  }

  /// A map of texts.
  fileprivate static func map(_ name: String, _ texts: [String: String], at place: Place) -> RawValue.Member {
    let members = texts.sorted { $0.key < $1.key }.map {
      RawValue.Member(name: $0.key, place: place, value: .scalar($0.value, quoted: true, place))
    }
    return RawValue.Member(name: name, place: place, value: .map(members, place))
  }
}
