// Owns what a traced command has seen that it doesn't declare, as part of its key: which files and distributions, and what
// each of them was. A result counts as long as all of them are what they were.

import Canonical

/// Where a traced command looked besides what it declares.
struct Trace: Sendable, Hashable {
  /// Of the project, relative to its root, sorted; those too where it found nothing.
  var files: [String]
  /// Distributions by name, each with the folder that it is installed in.
  var packages: [String: String]

  var isEmpty: Bool { files.isEmpty && packages.isEmpty }

  /// What the store keeps.
  var text: String {
    let json: JSON = [
      "files": .array(files.map(JSON.string)), "packages": .object(packages.mapValues(JSON.string)),
    ]
    return json.canonical
  }

  init(files: some Sequence<String>, packages: [String: String]) {
    self.files = files.sorted()
    self.packages = packages
  }

  /// Reads what `text` wrote; nil for anything else.
  init?(parsing text: String) {
    guard let json = try? JSON(parsing: text), let files = json["files"]?.arrayValue,
      let packages = json["packages"]?.objectValue
    else { return nil }
    self.init(
      files: files.compactMap(\.stringValue), packages: packages.compactMapValues(\.stringValue))
  }
}

/// What was there.
struct Observation: Sendable, Hashable {
  /// The content of each file; nil where there is none.
  var files: [String: Digest?]
  /// The version of each distribution; nil for one that isn't installed.
  var packages: [String: String?]

  /// The member `observed` of an action.
  var json: JSON {
    [
      "files": .object(files.mapValues { $0.map { .string($0.hex) } ?? .null }),
      "packages": .object(packages.mapValues { $0.map(JSON.string) ?? .null }),
    ]
  }
}

extension Action {
  /// The action with this observation instead of its own; nil: with none.
  func observing(_ observation: Observation?) -> Action {
    guard case .object(var members) = json else { preconditionFailure("BUG: an action is an object") }
    members["observed"] = observation?.json
    return Action(text: JSON.object(members).canonical, lists: lists)
  }
}

extension ActionDifference {
  /// What differs between two observations. Who isn't traced any more, or not yet, has none to compare.
  static func observed(_ old: JSON?, _ new: JSON?) -> [Change] {
    guard let old, let new else { return [] }
    func differing(_ member: String) -> [(name: String, old: JSON?, new: JSON?)] {
      let (before, after) = (old[member]?.objectValue ?? [:], new[member]?.objectValue ?? [:])
      return Set(before.keys).intersection(after.keys).sorted().filter { before[$0] != after[$0] }
        .map { ($0, before[$0], after[$0]) }
    }
    let files = differing("files").map { name, old, new in
      Change("undeclared \(name)", old == .null ? "added" : new == .null ? "removed" : "changed")
    }
    let packages = differing("packages").map { name, old, new in
      Change(
        "undeclared package \(name)",
        "\(old?.stringValue ?? "none") → \(new?.stringValue ?? "none")")
    }
    return files + packages
  }
}
