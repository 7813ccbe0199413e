// Owns what the expressions of a `run:` stage become at one point of its matrix: words in its text, its arguments, and
// what it reads. It doesn't know what runs it.

import ContentStore
import Foundation
import Workflow

/// Collects what a command reads while its text is made.
struct CommandWords {
  private let point: Point
  private let evaluator: Evaluator
  private let source: (Group, Place) throws -> ([Source], String)

  private(set) var inputs: [InputBinding] = []
  private(set) var externals: [ExternalBinding] = []
  /// Of inputs that are artifacts, by name: so that programs which go by a file's name can read what they are given.
  private(set) var extensions: [String: String] = [:]
  /// Of declared files, by name: where a private tree has them.
  private(set) var places: [String: String] = [:]
  /// Declared inputs that may be any number of paths.
  private var patterns: Set<String> = []

  init(
    point: Point, evaluator: Evaluator, source: @escaping (Group, Place) throws -> ([Source], String)
  ) {
    self.point = point
    self.evaluator = evaluator
    self.source = source
  }

  // MARK: Declared inputs

  /// Takes a member of `inputs:`: a path, a pattern or a reference. One that is null isn't written.
  mutating func declare(_ member: Template.Member, root: URL) throws {
    switch try evaluator.value(member.value, at: point) {
    case .null: break
    case .group(let group, let place): _ = try reference(group, at: place, named: member.name)
    case .scalar(let path, _, let place): try declare(member.name, path, at: place, root)
    case let other:
      throw DecodingIssue(
        other.place,
        "inputs: expected a path, a pattern or a reference for '\(member.name)', found \(other.found)")
    }
  }

  private mutating func declare(_ name: String, _ path: String, at place: Place, _ root: URL) throws {
    guard !path.isEmpty, !path.contains("\0") else {
      throw DecodingIssue(place, "inputs: '\(name)' is no path")
    }
    var fixed = path.split(separator: "/", omittingEmptySubsequences: true).map(String.init)
    var glob: [String] = []
    if !FileManager.default.fileExists(atPath: URL(fileURLWithPath: path, relativeTo: root).path),
      let first = fixed.firstIndex(where: { $0.contains { "*?[".contains($0) } })
    {
      glob = Array(fixed[first...])
      fixed.removeSubrange(first...)
    }
    let start = (path.hasPrefix("/") ? "/" : "") + fixed.joined(separator: "/")
    let url = URL(fileURLWithPath: start.isEmpty ? "." : start, relativeTo: root).standardizedFileURL
    // As the project has it; what lies elsewhere gets a place of its own.
    var tree = "in/\(name)" + (glob.isEmpty ? "/" + url.lastPathComponent : "")
    if url.path == root.path {
      guard !glob.isEmpty else {
        throw DecodingIssue(
          place, "inputs: '\(name)' is all of the project. Name the files that the command reads")
      }
      tree = ""
    } else if url.path.hasPrefix(root.path + "/") {
      tree = String(url.path.dropFirst(root.path.count + 1))
    }
    let pattern = glob.joined(separator: "/")
    if !glob.isEmpty { patterns.insert(name) }
    places[name] = [tree, pattern].filter { !$0.isEmpty }.joined(separator: "/")
    externals.append(
      ExternalBinding(
        name: name, url: url, patterns: [], glob: glob.isEmpty ? nil : pattern, treePlace: tree, place: place)
    )
  }

  /// The name of the input that a reference is, and whether it is any number of paths.
  private mutating func reference(
    _ group: Group, at place: Place, named name: String? = nil
  ) throws -> (name: String, isList: Bool) {
    let (sources, fileExtension) = try source(group, place)
    if name == nil, let known = inputs.first(where: { $0.sources == sources }) {
      return (known.name, known.isList)
    }
    let ordinal = inputs.count { Int($0.name) != nil } + 1
    // A command sees the axes of a group's members, so they are in its key; of one instance alone it sees nothing.
    let input = InputBinding(
      name: name ?? String(ordinal), isList: sources.count != 1,
      labelled: sources.count != 1 || group.isOpen, sources: sources)
    inputs.append(input)
    if !fileExtension.isEmpty { extensions[input.name] = fileExtension }
    return (input.name, input.isList)
  }

  // MARK: Words

  /// What an expression stands for: an input or output, or words.
  private enum Meaning {
    case piece(CommandText.Piece, isList: Bool)
    case words([String], isList: Bool)
  }

  private mutating func meaning(of expression: Expression, at place: Place) throws -> Meaning {
    try evaluator.refuseComparison(expression, at: place)
    let path = expression.path
    switch path.root {
    case "out": return .piece(.output(path.members[0]), isList: false)
    case "in":
      let name = path.members[0]
      if let input = inputs.first(where: { $0.name == name }) {
        return .piece(.input(name), isList: input.isList)
      }
      guard places[name] != nil else {
        throw DecodingIssue(place, "${\(path.text)}: '\(name)' is null here, so there is nothing to read")
      }
      return .piece(.input(name), isList: patterns.contains(name))
    default: break
    }
    let found = try evaluator.find(path, at: place, in: point)
    switch found.value {
    case .group(let group, _):
      let input = try reference(group, at: place)
      return .piece(.input(input.name), isList: input.isList)
    case .list(let values, _):
      return .words(
        try values.map { value in
          guard case .scalar(let text, _, _) = value else {
            throw DecodingIssue(place, "${\(path.text)}: a list of words has \(value.found) in it")
          }
          return text
        }, isList: true)
    default: return .words([try evaluator.scalar(path, at: place, in: point)], isList: false)
    }
  }

  /// The text of a command, with words put where the shell takes each as one.
  /// - Returns: with it, whether each expression came to one word, as the reading of the command has it.
  mutating func text(_ command: CommandReading, at place: Place) throws -> (CommandText, isUsual: Bool) {
    var latest = ""
    func told<T>(_ body: () throws -> T) throws -> T {
      do { return try body() } catch let refusal as ShellReading.Refusal {
        throw DecodingIssue(place, "run: ${\(latest)} \(refusal.problem)")
      }
    }
    var text = CommandText()
    var reading = ShellReading()
    var isUsual = true
    for (i, segment) in command.segments.enumerated() {
      // What stands before has been read, unless it is a list that came there.
      let known = isUsual ? command.before?[i] : nil
      switch segment {
      case .literal(let part):
        if known == nil, command.isShells { try told { try reading.read(part) } }
        text.append(.literal(part))
      case .expression(let expression):
        latest = expression.path.text
        if let known { reading = known }
        let next = command.segments.literal(after: i)
        switch try meaning(of: expression, at: place) {
        case .piece(let piece, let isList):
          // Which paths isn't known yet; where they can stand is.
          _ = try told { try reading.put(isList ? ["/", "/"] : ["/"], isList: isList, before: next) }
          text.append(piece)
          isUsual = isUsual && !isList
        case .words(let words, let isList):
          text.append(.literal(try told { try reading.put(words, isList: isList, before: next) }))
          isUsual = isUsual && !isList
        }
      }
    }
    if command.isShells, !isUsual || command.before == nil { try told { try reading.finish() } }
    return (text, isUsual)
  }

  /// The canonical texts of what stands at one place under `arguments:`.
  mutating func arguments(_ template: Template) throws -> [String] {
    var text = CommandText()
    let segments: [Segment]
    switch template {
    case .scalar(let word, _, _): segments = [.literal(word)]
    case .whole(let expression, _): segments = [.expression(expression)]
    case .text(let parts, _, _): segments = parts
    case .null, .list, .map: preconditionFailure("BUG: arguments are texts")
    }
    for segment in segments {
      guard case .expression(let expression) = segment else {
        if case .literal(let word) = segment { text.append(.literal(word)) }
        continue
      }
      switch try meaning(of: expression, at: template.place) {
      case .words(let words, true) where segments.count == 1:
        return words.map { word in
          var text = CommandText()
          text.append(.literal(word))
          return text.text
        }
      case .piece(let piece, let isList) where !isList || segments.count == 1:
        if case .literal(let before)? = text.pieces.last, before.hasSuffix("$") {
          throw DecodingIssue(
            template.place, "arguments: ${\(expression.path.text)} follows a $. Put something between them")
        }
        text.append(piece)
      case .words(let words, false): text.append(.literal(words[0]))
      case .words(_, true), .piece(_, true):
        throw DecodingIssue(
          template.place,
          "arguments: ${\(expression.path.text)} is any number of words, which can't be a part of one. Let it stand alone"
        )
      case .piece: preconditionFailure("BUG: a single piece was taken")
      }
    }
    return [text.text]
  }
}
