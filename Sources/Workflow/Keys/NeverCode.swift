// Owns which files of a project are never the code of a command, whatever pattern matches them: what programs leave
// beside their sources, the store, and what version control ignores.

import ContentStore
import Foundation
import Processes
import Synchronization

/// Tells code from what lies beside it.
final class NeverCode: Sendable {
  private let root: String
  /// The store's folder, relative to the root; nil when it lies elsewhere.
  private let store: String?
  /// What version control has said, by path.
  private let known = Mutex<[String: Bool]>([:])

  init(root: String, store: String) {
    self.root = root
    self.store = store.hasPrefix(root + "/") ? String(store.dropFirst(root.count + 1)) : nil
  }

  /// Whether nothing in this folder (a path relative to the root) is code.
  func skips(_ folder: String) -> Bool {
    if folder == store { return true }
    return ["__pycache__", ".git", ".bobbin"].contains(folder.split(separator: "/").last ?? "")
  }

  /// Those of `paths` (relative to the root) that version control doesn't ignore.
  func code(among paths: [String]) -> [String] {
    known.withLock { known in
      let new = paths.filter { known[$0] == nil }
      if !new.isEmpty {
        let ignored = ignored(among: new)
        for path in new { known[path] = ignored.contains(path) }
      }
      return paths.filter { known[$0] == false }
    }
  }

  /// What git says; nothing where the project isn't one of its own, or there is no git.
  private func ignored(among paths: [String]) -> Set<String> {
    guard isVersioned, let input = scratchFile(), let output = scratchFile() else { return [] }
    defer {
      close(input)
      close(output)
    }
    guard writeText(paths.map { $0 + "\0" }.joined(), to: input) == 0, lseek(input, 0, SEEK_SET) == 0 else {
      return []
    }
    let environment = ProcessInfo.processInfo.environment.filter { !$0.key.hasPrefix("GIT_") }
    let git = Program(
      path: "/bin/sh", arguments: ["sh", "-c", "exec git check-ignore -z --stdin <&3 2>/dev/null"],
      environment: environment, directory: root, output: output, channel: input, deathSignal: SIGKILL)
    guard let process = try? git.start() else { return [] }
    var status: Int32 = 0
    while waitpid(process, &status, 0) < 0 { guard errno == EINTR else { return [] } }
    guard ProcessEnd(waitStatus: status) == .status(0), lseek(output, 0, SEEK_SET) == 0 else { return [] }
    let answer = FileHandle(fileDescriptor: output, closeOnDealloc: false)
    guard let text = try? answer.readToEnd() else { return [] }
    return Set(text.split(separator: 0).map { String(decoding: $0, as: UTF8.self) })
  }

  private var isVersioned: Bool {
    var folder = root
    while true {
      if access(folder + "/.git", F_OK) == 0 { return true }
      guard let slash = folder.lastIndex(of: "/") else { return false }
      folder = String(folder[..<slash])
    }
  }

  /// A file without a name.
  private func scratchFile() -> Int32? {
    var path = Array(
      FileManager.default.temporaryDirectory.appendingPathComponent("bobbin-XXXXXX").path.utf8CString)
    let file = mkstemp(&path)
    guard file >= 0 else { return nil }
    _ = fcntl(file, F_SETFD, FD_CLOEXEC)
    unlink(path)
    return file
  }
}
