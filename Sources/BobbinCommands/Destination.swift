// Owns where `get -o` puts an artifact: a plain file is replaced at once and whole, a folder appears at once and whole,
// and what isn't a file (a terminal, a pipe, a device) is written to. Nothing else is ever replaced.

import ContentStore
import Foundation
import Reporting

/// A place outside the store.
struct Destination {
  private enum Form {
    /// Nothing is there.
    case absent
    case file
    /// A terminal, a pipe, a device: it is opened and written to.
    case stream
    /// What standard output leads to, so that its position in a file is kept.
    case standardOutput
  }

  /// As the user wrote it.
  private let name: String
  /// Where that is, links followed.
  private let path: String
  private let form: Form

  /// Looks at a place, and refuses what can't be one.
  init(_ name: String) throws {
    self.name = name
    var status = stat()
    guard stat(name, &status) == 0 else {
      guard errno == ENOENT else { throw Destination.refusal(name, String(cString: strerror(errno))) }
      guard lstat(name, &status) != 0 else { throw Destination.refusal(name, "it is a link to nothing") }
      let folder = URL(fileURLWithPath: name).deletingLastPathComponent().path
      guard !name.isEmpty, stat(folder, &status) == 0, status.st_mode & S_IFMT == S_IFDIR else {
        throw Destination.refusal(name, "there is no folder \(folder)")
      }
      (path, form) = (name, .absent)
      return
    }
    path = URL(fileURLWithPath: name).resolvingSymlinksInPath().path
    var output = stat()
    let isOutput =
      fstat(STDOUT_FILENO, &output) == 0 && output.st_dev == status.st_dev && output.st_ino == status.st_ino
    switch status.st_mode & S_IFMT {
    case _ where isOutput: form = .standardOutput
    case S_IFREG: form = .file
    case S_IFCHR, S_IFBLK, S_IFIFO: form = .stream
    case S_IFDIR: throw Destination.refusal(name, "a folder is there. Name what is to be in it")
    default: throw Destination.refusal(name, "it is neither a file nor a device")
    }
  }

  private static func refusal(_ name: String, _ reason: String) -> CommandFailure {
    CommandFailure("nothing can be put at '\(name)': \(reason)")
  }

  /// Copies an artifact here.
  func put(_ artifact: Artifact, from store: Store) throws {
    switch form {
    case .absent: try replace(artifact, from: store)
    case _ where artifact.form == .manifest:
      throw Destination.refusal(name, "the artifact is a folder, and something is there. Choose another name")
    case .file: try replace(artifact, from: store)
    case .standardOutput: try StandardOutput.write(contentOf: store.file(for: artifact.digest))
    case .stream: try write(store.file(for: artifact.digest))
    }
  }

  /// Makes the artifact beside its place and moves it there, so that a half of it never stands there.
  private func replace(_ artifact: Artifact, from store: Store) throws {
    let place = URL(fileURLWithPath: path)
    let fresh = place.deletingLastPathComponent().appending(
      path: ".\(place.lastPathComponent).\(UUID().uuidString)")
    do {
      try store.export(artifact, to: fresh)
      if Interruption.happened { throw CommandFailure("interrupted", status: 130) }
      guard rename(fresh.path, path) == 0 else {
        throw CommandFailure("\(name) can't be written: \(String(cString: strerror(errno)))")
      }
    } catch {
      try? FileManager.default.removeItem(at: fresh)
      throw error
    }
  }

  private func write(_ file: URL) throws {
    func failed() -> CommandFailure {
      CommandFailure("\(name) can't be written: \(String(cString: strerror(errno)))")
    }
    let output = open(path, O_WRONLY | O_CLOEXEC | O_NOCTTY)
    guard output >= 0 else { throw failed() }
    defer { close(output) }
    let input = try FileHandle(forReadingFrom: file)
    defer { try? input.close() }
    while let chunk = try input.read(upToCount: 1 << 20), !chunk.isEmpty {
      var rest = chunk[...]
      while !rest.isEmpty {
        let n = rest.withUnsafeBytes { Glibc.write(output, $0.baseAddress, $0.count) }
        if n < 0, errno == EINTR { continue }
        guard n > 0 else { throw failed() }
        rest = rest.dropFirst(n)
      }
    }
  }
}
