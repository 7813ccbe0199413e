// Owns what the files outside the pipeline contain: digested in bulk before anything runs, and looked at again after
// a stage has read them. It knows of paths and content, not of keys.

import Canonical
import ContentStore
import Foundation

/// The content of the files and folders that bindings name.
struct ExternalContent: Sendable {
  private struct Selection: Hashable, Sendable {
    var path: String
    var patterns: [String]
    var glob: String?

    init(_ binding: ExternalBinding) {
      path = binding.url.path
      patterns = binding.patterns
      glob = binding.glob
    }
  }

  /// A file (under the name "") or the files of a folder by relative path.
  private struct Content: Sendable {
    var files: [String: ExternalFile]

    var artifact: Artifact { files[""]?.artifact ?? Store.tree(of: files) }
  }

  private var contents: [Selection: Content] = [:]
  private var artifacts: [Selection: Artifact] = [:]

  /// Digests everything that the bindings name, once. Throws `DecodingIssue` at the place of a path that can't be
  /// read.
  init(_ bindings: [(stage: String, binding: ExternalBinding)], store: any ResultStore, root: String) throws {
    var names: [Selection: [String]] = [:]
    var files: [URL] = []
    var owners: [String: Int] = [:]
    for (n, (stage, binding)) in bindings.enumerated() {
      let selection = Selection(binding)
      if names[selection] != nil { continue }
      let found: [String]
      do { found = try ExternalContent.names(selection) } catch let problem as Unreadable {
        throw ExternalContent.issue(stage, binding, selection.path, problem.reason, root)
      }
      names[selection] = found
      for name in found {
        let url = ExternalContent.url(selection, name)
        owners[url.path] = n
        files.append(url)
      }
    }
    let digested: [ExternalFile]
    do { digested = try store.digests(ofFiles: files) } catch StoreError.source(let path, let reason) {
      guard let owner = owners[path] else { throw StoreError.source(path: path, reason: reason) }
      let (stage, binding) = bindings[owner]
      throw ExternalContent.issue(stage, binding, path, reason, root)
    }
    let byPath = Dictionary(zip(files.map(\.path), digested)) { first, _ in first }
    for (selection, names) in names {
      let members = names.map { ($0, byPath[ExternalContent.url(selection, $0).path]!) }
      let content = Content(files: Dictionary(uniqueKeysWithValues: members))
      contents[selection] = content
      artifacts[selection] = content.artifact
    }
  }

  func artifact(of binding: ExternalBinding) -> Artifact {
    guard let artifact = artifacts[Selection(binding)] else {
      preconditionFailure("BUG: '\(binding.name)' was not digested")
    }
    return artifact
  }

  /// The files by their relative paths; the path "" is that of the binding itself.
  func files(of binding: ExternalBinding) -> [String: ExternalFile] {
    guard let content = contents[Selection(binding)] else {
      preconditionFailure("BUG: '\(binding.name)' was not digested")
    }
    return content.files
  }

  /// Looks at the files again.
  func look(at binding: ExternalBinding, store: any ResultStore) throws -> Look {
    let selection = Selection(binding)
    guard let content = contents[selection] else {
      preconditionFailure("BUG: '\(binding.name)' was not digested")
    }
    guard let names = try? ExternalContent.names(selection) else { return .edited(selection.path) }
    if let gone = Set(names).symmetricDifference(content.files.keys).min() {
      return .edited(ExternalContent.url(selection, gone).path)
    }
    return try Look(content.files.values.sorted { $0.path < $1.path }, store: store)
  }

  private struct Unreadable: Error { let reason: String }

  private static func url(_ selection: Selection, _ name: String) -> URL {
    URL(fileURLWithPath: name.isEmpty ? selection.path : selection.path + "/" + name)
  }

  /// The files that count: the path itself; of a folder those in it whose names match, or those below it whose paths
  /// match a pattern with a `/`, in whatever case; without patterns, all below.
  private static func names(_ selection: Selection) throws -> [String] {
    var status = stat()
    guard stat(selection.path, &status) == 0 else {
      throw Unreadable(reason: String(cString: strerror(errno)).lowercased())
    }
    if let glob = selection.glob {
      do { return try Glob.files(under: selection.path, matching: [glob]) } catch StoreError.source(
        _, let reason)
      { throw Unreadable(reason: reason) }
    }
    guard status.st_mode & S_IFMT == S_IFDIR else { return [""] }
    let patterns = selection.patterns.map { $0.lowercased() }
    let looksBelow = patterns.isEmpty || patterns.contains { $0.contains("/") }
    func counts(_ path: String, _ name: String) -> Bool {
      patterns.isEmpty
        || patterns.contains { pattern in
          pattern.contains("/")
            ? Glob.matches(path.lowercased(), pattern)
            : path == name && fnmatch(pattern, name.lowercased(), FNM_PERIOD) == 0
        }
    }
    var found: [String] = []
    /// Links to folders are followed, but not into one that they are in.
    func walk(_ folder: String, in above: [FolderIdentity]) throws {
      let identity = FolderIdentity(status)
      if above.contains(identity) { return }
      let full = folder.isEmpty ? selection.path : selection.path + "/" + folder
      let names: [String]
      do { names = try FileManager.default.contentsOfDirectory(atPath: full) } catch {
        throw Unreadable(reason: "can't be listed")
      }
      for name in names {
        let path = folder.isEmpty ? name : folder + "/" + name
        guard stat(selection.path + "/" + path, &status) == 0 else {
          if selection.patterns.isEmpty { throw Unreadable(reason: "holds a dangling link, \(path)") }
          continue
        }
        if status.st_mode & S_IFMT == S_IFDIR {
          if looksBelow { try walk(path, in: above + [identity]) }
        } else if counts(path, name) {
          found.append(path)
        }
      }
    }
    try walk("", in: [])
    guard !found.isEmpty else {
      let wanted = selection.patterns.joined(separator: ", ")
      throw Unreadable(reason: wanted.isEmpty ? "an empty folder" : "a folder without a file named \(wanted)")
    }
    return found.sorted()
  }

  private struct FolderIdentity: Hashable {
    private let inode: ino_t
    private let device: dev_t

    init(_ status: stat) { (inode, device) = (status.st_ino, status.st_dev) }
  }

  private static func issue(
    _ stage: String, _ binding: ExternalBinding, _ path: String, _ reason: String, _ root: String
  ) -> DecodingIssue {
    DecodingIssue(
      binding.place, "stage '\(stage)': \(binding.name): \(shortened(path, root: root)): \(reason)")
  }
}

/// A path as people write it: relative to the project's root where it lies below.
func shortened(_ path: String, root: String) -> String {
  path.hasPrefix(root + "/") ? String(path.dropFirst(root.count + 1)) : path
}
