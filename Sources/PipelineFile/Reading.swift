// Owns text → `RawValue`: reading a file, bounding it, and what of YAML is taken. It doesn't know what the
// values mean. Anchors, aliases and tags are refused: `params` do their work and have names in messages.

import Canonical
import Dispatch
import Foundation
import Workflow
import Yams

/// Reads YAML text into raw values.
enum Reading {
  /// A pipeline file is written by hand; what is larger is something else.
  static let maximumBytes = 8 << 20
  /// Deeper than any real file, and shallow enough for every recursion downstream.
  static let maximumDepth = 100
  /// Hostile text (keys made of aliases of aliases) can keep the parser busy for ever.
  static let maximumSeconds = 20.0

  /// The text of the file at `url`; `name` is how the user called it.
  static func text(of url: URL, named name: String) throws -> String {
    let file = Place(file: name, line: 0, column: 0)
    var isDirectory: ObjCBool = false
    guard FileManager.default.fileExists(atPath: url.path, isDirectory: &isDirectory) else {
      throw PipelineFileError(file, "there is no such file")
    }
    guard !isDirectory.boolValue else {
      throw PipelineFileError(file, "expected a YAML file, found a directory")
    }
    let data: Data
    do {
      let handle = try FileHandle(forReadingFrom: url)
      defer { try? handle.close() }
      data = try handle.read(upToCount: maximumBytes + 1) ?? Data()
    } catch {
      throw PipelineFileError(file, "can't be read: \((error as NSError).localizedDescription)")
    }
    guard data.count <= maximumBytes else {
      throw PipelineFileError(file, "larger than \(maximumBytes >> 20) MB, which no pipeline file is")
    }
    guard let text = String(validating: data, as: UTF8.self) else {
      throw PipelineFileError(placeOfInvalidUTF8(in: data, file: name), "not UTF-8 text")
    }
    return text.unicodeScalars.first == "\u{FEFF}" ? String(text.unicodeScalars.dropFirst()) : text
  }

  /// The one value in `text`; nil if there is none. Throws `PipelineFileError`.
  static func value(in text: String, named name: String) throws -> RawValue? {
    // The parser recurses once per level and so do the values it makes when they go: on a stack of its own.
    // (The parser keeps a pointer into the text, which a string of up to 15 bytes doesn't have: hence the
    // comment.)
    let text = text.utf8.count > 15 ? text : text + "\n#---------------\n"
    let done = DispatchSemaphore(value: 0)
    let result = ParseResult()
    let thread = Thread {
      result.value = Result { try parse(text, named: name) }
      done.signal()
    }
    thread.stackSize = 256 << 20
    thread.start()
    guard done.wait(timeout: .now() + maximumSeconds) == .success, let value = result.value else {
      let file = Place(file: name, line: 0, column: 0)
      throw PipelineFileError(file, "reading it as YAML takes longer than \(Int(maximumSeconds)) s")
    }
    return try value.get()
  }

  private static func parse(_ text: String, named name: String) throws -> RawValue? {
    do {
      let parser = try Parser(yaml: text, resolver: .basic, encoding: .utf8)
      guard let root = try parser.nextRoot() else { return nil }
      let value = try convert(root, file: name, depth: 0)
      if let second = try parser.nextRoot() {
        throw PipelineFileError(place(second.mark, name), "a second YAML document; a file holds one")
      }
      return value
    } catch let error as YamlError {
      throw pipelineFileError(error, text: text, file: name)
    }
  }

  private static func convert(_ node: Node, file: String, depth: Int) throws -> RawValue {
    let place = place(node.mark, file)
    guard depth < maximumDepth else {
      throw PipelineFileError(place, "nested more than \(maximumDepth) deep")
    }
    guard node.anchor == nil else {
      throw PipelineFileError(
        place,
        "anchors (&) and aliases (*) are not read; put the value under 'params' and write ${params.name}")
    }
    switch node {
    case .scalar(let scalar):
      let isPlain = scalar.style == .plain || scalar.style == .any
      if isPlain, !scalar.tag.description.isEmpty { throw refusedTag(place) }
      if !isPlain, !node.tag.description.hasSuffix(":str") { throw refusedTag(place) }
      if isPlain, ["", "~", "null", "Null", "NULL"].contains(scalar.string) { return .null(place) }
      return .scalar(scalar.string, quoted: !isPlain, place)
    case .sequence(let sequence):
      guard node.tag.description.hasSuffix(":seq") else { throw refusedTag(place) }
      return .list(try sequence.map { try convert($0, file: file, depth: depth + 1) }, place)
    case .mapping(let mapping):
      guard node.tag.description.hasSuffix(":map") else { throw refusedTag(place) }
      var seen = Set<String>()
      let members = try mapping.map { key, value in
        let keyPlace = self.place(key.mark, file)
        guard case .scalar(let scalar) = key, key.anchor == nil, !scalar.string.isEmpty else {
          throw PipelineFileError(keyPlace, "expected a name before ':'")
        }
        guard seen.insert(scalar.string).inserted else {
          throw PipelineFileError(keyPlace, "'\(scalar.string)' is written twice in one map")
        }
        return RawValue.Member(
          name: scalar.string, place: keyPlace, value: try convert(value, file: file, depth: depth + 1))
      }
      return .map(members, place)
    case .alias: throw PipelineFileError(place, "aliases (*) are not read")
    }
  }

  private static func refusedTag(_ place: Place) -> PipelineFileError {
    PipelineFileError(place, "YAML tags (!) are not read; the parameter's type decides what a value means")
  }

  private static func place(_ mark: Mark?, _ file: String) -> Place {
    Place(file: file, line: mark?.line ?? 0, column: mark?.column ?? 0)
  }

  private static func placeOfInvalidUTF8(in data: Data, file: String) -> Place {
    var decoder = UTF8()
    var bytes = data.makeIterator()
    var line = 1
    var column = 1
    while case .scalarValue(let scalar) = decoder.decode(&bytes) {
      (line, column) = scalar == "\n" ? (line + 1, 1) : (line, column + 1)
    }
    return Place(file: file, line: line, column: column)
  }
}

/// Carries the parser's result from its thread.
private final class ParseResult: @unchecked Sendable {
  var value: Result<RawValue?, any Error>?
}

/// The parser's complaint in our words, with a cure where the cause is known.
private func pipelineFileError(_ error: YamlError, text: String, file: String) -> PipelineFileError {
  switch error {
  case .scanner(let context, let problem, let mark, _), .parser(let context, let problem, let mark, _),
    .composer(let context, let problem, let mark, _):
    let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
    let line = mark.line <= lines.count ? Array(lines[mark.line - 1].unicodeScalars) : []
    let here = mark.column <= line.count ? line[mark.column - 1] : nil
    let before = mark.column >= 2 && mark.column - 1 <= line.count ? line[mark.column - 2] : nil
    if here == "{", before == "$" {
      let place = Place(file: file, line: mark.line, column: mark.column - 1)
      return PipelineFileError(place, "quote \"${…}\" inside { } and [ ]")
    }
    let place = Place(file: file, line: mark.line, column: mark.column)
    if here == "\t" { return PipelineFileError(place, "a tab can't indent or begin a value; use spaces") }
    if problem.contains("nesting level") { return PipelineFileError(place, "nested too deep") }
    if problem.contains("alias") || context?.text.contains("alias") == true {
      return PipelineFileError(place, "quote text that begins with '*'")
    }
    if problem.contains("mapping values are not allowed") {
      return PipelineFileError(
        place,
        "a ': ' inside a text looks like another key; quote the text, or write it on lines of its own "
          + "after '|'")
    }
    let while_ = context.map { " \($0.text)" } ?? ""
    return PipelineFileError(place, "not valid YAML: \(problem)\(while_)")
  case .reader(let problem, let offset, _, _):
    let before = text.prefix(offset ?? 0)
    let line = before.count { $0.isNewline } + 1
    let column = before.reversed().prefix { !$0.isNewline }.count + 1
    return PipelineFileError(Place(file: file, line: line, column: column), "not valid YAML: \(problem)")
  case .duplicatedKeysInMapping(let duplicates, let context):
    return PipelineFileError(
      Place(file: file, line: context.mark.line, column: context.mark.column),
      "'\(duplicates.first ?? "")' is written twice in one map")
  default:
    return PipelineFileError(Place(file: file, line: 0, column: 0), "not valid YAML: \(error)")
  }
}
