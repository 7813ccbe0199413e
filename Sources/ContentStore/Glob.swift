// Owns file patterns: `*`, `?` and `[…]` within a name, `**` for any number of folders. Names that start with a dot
// match only where the pattern writes the dot, as in a shell.

import Canonical
import Foundation

/// Patterns over relative paths.
public enum Glob {
  /// The files under `folder` that match any of the patterns, sorted, each once.
  /// - Parameter skips: asked of each folder, by its relative path, whether it isn't entered.
  /// - Throws: `StoreError.source` for a folder that isn't there, a pattern that leads out, or one that matches nothing.
  public static func files(
    under folder: String, matching patterns: [String], skips: (String) -> Bool = { _ in false }
  ) throws -> [String] {
    var isDirectory: ObjCBool = false
    guard FileManager.default.fileExists(atPath: folder, isDirectory: &isDirectory) else {
      throw StoreError.source(path: folder, reason: "no such folder")
    }
    guard isDirectory.boolValue else {
      throw StoreError.source(path: folder, reason: "a file, where a folder was expected")
    }
    var found = Set<String>()
    for pattern in patterns {
      let parts = pattern.split(separator: "/", omittingEmptySubsequences: true).map(String.init)
      guard !parts.isEmpty, !pattern.hasPrefix("/"), !parts.contains("..") else {
        throw StoreError.source(
          path: folder, reason: "the pattern '\(pattern)' must be a relative path that stays inside")
      }
      var matched = Set<String>()
      var path: [String] = []
      for part in parts where part != "." && !(part == "**" && path.last == "**") { path.append(part) }
      walk(folder, "", path[...], skips, &matched)
      guard !matched.isEmpty else {
        let isFolder = mode("\(folder)/\(pattern)", following: true) == S_IFDIR
        throw StoreError.source(
          path: folder,
          reason: isFolder
            ? "'\(pattern)' is a folder; write '\(pattern)/**' for all files in it"
            : "no file matches '\(pattern)'")
      }
      found.formUnion(matched)
    }
    return found.sorted()
  }

  /// Whether a relative path matches a pattern.
  public static func matches(_ path: String, _ pattern: String) -> Bool {
    func matches(_ names: ArraySlice<String>, _ parts: ArraySlice<String>) -> Bool {
      guard let part = parts.first else { return names.isEmpty }
      if part == "**" {
        // As the last part it means all files below.
        if parts.count == 1 { return !names.isEmpty && names.allSatisfy { !$0.hasPrefix(".") } }
        return matches(names, parts.dropFirst())
          || names.first.map { !$0.hasPrefix(".") && matches(names.dropFirst(), parts) } ?? false
      }
      guard let name = names.first, fnmatch(part, name, FNM_PERIOD) == 0 else { return false }
      return matches(names.dropFirst(), parts.dropFirst())
    }
    func split(_ text: String) -> [String] {
      text.split(separator: "/", omittingEmptySubsequences: true).map(String.init).filter { $0 != "." }
    }
    return matches(split(path)[...], split(pattern)[...])
  }

  private static func walk(
    _ root: String, _ below: String, _ parts: ArraySlice<String>, _ skips: (String) -> Bool,
    _ found: inout Set<String>
  ) {
    guard let part = parts.first, below.isEmpty || !skips(below) else { return }
    let rest = parts.dropFirst()
    let folder = below.isEmpty ? root : "\(root)/\(below)"
    if part == "**" {
      if rest.isEmpty {
        walk(root, below, ["*"], skips, &found)
      } else {
        walk(root, below, rest, skips, &found)
      }
      for name in names(in: folder) where !name.hasPrefix(".") {
        // Linked folders aren't entered: they may lead in cycles.
        if mode("\(folder)/\(name)", following: false) == S_IFDIR {
          walk(root, join(below, name), parts, skips, &found)
        }
      }
      return
    }
    let isPlain = !part.contains { "*?[\\".contains($0) }
    for name in isPlain ? [part] : names(in: folder) where isPlain || fnmatch(part, name, FNM_PERIOD) == 0 {
      let path = "\(folder)/\(name)"
      if rest.isEmpty {
        if mode(path, following: true) == S_IFREG { found.insert(join(below, name)) }
      } else if mode(path, following: true) == S_IFDIR {
        walk(root, join(below, name), rest, skips, &found)
      }
    }
  }

  private static func join(_ below: String, _ name: String) -> String {
    below.isEmpty ? name : "\(below)/\(name)"
  }

  private static func mode(_ path: String, following: Bool) -> mode_t? {
    var status = stat()
    guard (following ? stat(path, &status) : lstat(path, &status)) == 0 else { return nil }
    return status.st_mode & S_IFMT
  }
}
