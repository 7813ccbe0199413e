// Owns what a pipeline file says together with the files that it imports: one map of params and one list of stages,
// each value with its own place. What they mean is others' business.

import Foundation
import Workflow

/// A pipeline file as written, imports included.
struct WrittenPipeline {
  /// The version of the format that this program reads.
  private static let version = "1"

  /// Where the file's map begins.
  let start: Place
  /// A map: what is imported, and over it the file's own. Nil where there are none.
  private(set) var params: RawValue?
  /// Those of imported files first, each name once.
  private(set) var stages: [RawValue.Member] = []
  let remote: RawValue?

  /// Reads the file at `url`; `name` is how the user called it. Throws `PipelineFileError` and `DecodingIssue`.
  init(_ url: URL, named name: String) throws {
    var reader = Reader()
    self = try reader.read(url, named: name, at: nil)
  }

  /// Reads a file and those that it imports.
  fileprivate struct Reader {
    /// Where each imported file that was read is imported, by its identity.
    var imports: [String: Place] = [:]
    /// The files that import each other down to the one being read, as the user calls them.
    var underway: [(identity: String, name: String)] = []
  }
}

extension WrittenPipeline.Reader {
  /// - Parameter importing: where the import is written, for an imported file.
  fileprivate mutating func read(_ url: URL, named name: String, at importing: Place?) throws
    -> WrittenPipeline
  {
    let identity = url.resolvingSymlinksInPath().path
    if let importing {
      try refuseAgain(identity, name, at: importing)
      imports[identity] = importing
    }
    underway.append((identity, name))
    defer { underway.removeLast() }

    guard let raw = try Reading.value(in: try Reading.text(of: url, named: name), named: name) else {
      throw PipelineFileError(Place(file: name, line: 1, column: 1), "the file is empty")
    }
    guard case .map(let members, let start) = raw else {
      throw DecodingIssue(raw.place, "expected a map with version, params and stages, found \(raw.found)")
    }
    if importing != nil, let remote = members.first(where: { $0.name == "remote" }) {
      throw DecodingIssue(
        remote.place, "'remote' stands in the file that is run, not in one that is imported")
    }
    let keys = try Keys(members, known: ["version", "import", "params", "stages", "remote"])
    try WrittenPipeline.checkVersion(keys, at: importing == nil ? start : nil)
    let imported = try keys.list("import").map { try self.imported($0, by: url, named: name) }
    return try WrittenPipeline(keys, at: start, over: imported)
  }

  private mutating func imported(_ raw: RawValue, by importer: URL, named name: String) throws
    -> WrittenPipeline
  {
    guard case .scalar(let path, _, let place) = raw, !path.isEmpty, !path.contains("${"),
      !path.contains("\0")
    else { throw DecodingIssue(raw.place, "import: expected the path of a file, found \(raw.found)") }
    let url = URL(fileURLWithPath: path, relativeTo: importer.deletingLastPathComponent()).standardizedFileURL
    guard FileManager.default.fileExists(atPath: url.path) else {
      throw DecodingIssue(
        place, "import: there is no file '\(path)'. Its path counts from the folder of \(name)")
    }
    return try read(url, named: sibling(path, of: name), at: place)
  }

  private func refuseAgain(_ identity: String, _ name: String, at place: Place) throws {
    if let start = underway.firstIndex(where: { $0.identity == identity }) {
      let cycle = underway[start...].map(\.name) + [underway[start].name]
      throw DecodingIssue(place, "files import each other in a cycle: \(cycle.joined(separator: " → "))")
    }
    if let before = imports[identity] {
      throw DecodingIssue(place, "import: \(name) is imported already, at \(before). Import it once")
    }
  }

  /// `../common.yaml`, imported by `pipelines/a/p.yaml`, is called `pipelines/common.yaml`.
  private func sibling(_ path: String, of importer: String) -> String {
    if path.hasPrefix("/") { return path }
    var words = importer.split(separator: "/", omittingEmptySubsequences: false).dropLast().map(String.init)
    for word in path.split(separator: "/").map(String.init) where word != "." {
      if word == "..", let last = words.last, !["", ".", ".."].contains(last) {
        words.removeLast()
      } else {
        words.append(word)
      }
    }
    return words.joined(separator: "/")
  }
}

extension WrittenPipeline {
  /// A file's own params and stages with those of the files that it imports.
  fileprivate init(_ keys: Keys, at start: Place, over imported: [WrittenPipeline]) throws {
    self.start = start
    remote = keys["remote"]
    var issues = DecodingIssues()
    let own = try keys.map("params").members
    for file in imported {
      guard case .map(let members, _)? = file.params else { continue }
      // Neither of two files side by side lies over the other.
      if case .map(let before, _)? = params {
        for member in members where !own.contains(where: { $0.name == member.name }) {
          guard let other = before.first(where: { $0.name == member.name }) else { continue }
          issues.add(
            DecodingIssue(
              member.place,
              "param '\(member.name)' is defined in two imported files, here and at \(other.place). "
                + "Say in the file that imports both which one counts"))
        }
      }
      params = .map(WrittenPipeline.laid(members, over: params), file.start)
    }
    if let raw = keys["params"] { params = .map(WrittenPipeline.laid(own, over: params), raw.place) }

    var places: [String: Place] = [:]
    for stage in imported.flatMap(\.stages) + (try keys.map("stages").members) {
      if let before = places.updateValue(stage.place, forKey: stage.name) {
        issues.add(
          DecodingIssue(
            stage.place,
            "stage '\(stage.name)' is defined already, at \(before). Give one of them another name"))
      }
      stages.append(stage)
    }
    try issues.throwIfAny()
  }

  /// Params with others over them; maps member by member, as `--params` does, and new names at the end.
  private static func laid(_ changes: [RawValue.Member], over params: RawValue?) -> [RawValue.Member] {
    guard case .map(var members, _)? = params else { return changes }
    var positions = Dictionary(uniqueKeysWithValues: members.enumerated().map { ($1.name, $0) })
    for change in changes {
      guard let i = positions[change.name] else {
        positions[change.name] = members.count
        members.append(change)
        continue
      }
      if case .map(let inner, let place) = change.value, case .map = members[i].value {
        members[i].value = .map(laid(inner, over: members[i].value), place)
      } else {
        members[i] = change
      }
    }
    return members
  }

  /// - Parameter start: where a version that is missing is missed; nil where there needn't be one.
  fileprivate static func checkVersion(_ keys: Keys, at start: Place?) throws {
    guard let raw = keys["version"] else {
      guard let start else { return }
      throw DecodingIssue(start, "'version: 1' is missing")
    }
    guard case .scalar(version, _, _) = raw else {
      if case .scalar(let text, _, let place) = raw, let number = Int(text), number > 1 {
        throw DecodingIssue(place, "version \(number) is newer than this program, which reads version 1")
      }
      throw DecodingIssue(raw.place, "version: expected 1, found \(raw.found)")
    }
  }
}
