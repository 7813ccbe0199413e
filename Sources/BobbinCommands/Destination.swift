// Owns where `get -o` puts what it copies: a file is replaced at once and whole, a folder appears at once and whole,
// and what isn't a file (a terminal, a pipe, a device) is written to. Nothing is replaced unasked, and what stands in a
// folder beside what is put there is left alone in any case.

import Canonical
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
    case folder
  }

  /// Something to be put into a folder, under a name of one part.
  struct Member {
    var name: String
    var artifact: Artifact
  }

  /// As the user wrote it.
  private let name: String
  /// Where that is, links followed.
  private let path: String
  private let form: Form
  private let replaces: Bool

  /// What temporary folders of this command are called: this and a name that no other process gives.
  private static let prefix = ".bobbin-get-"

  /// Looks at a place, and refuses what can't be one.
  /// - Parameter replaces: whether what is there may be replaced.
  init(_ name: String, replaces: Bool) throws {
    self.name = name
    self.replaces = replaces
    if name == "-" {
      (path, form) = (name, .standardOutput)
      return
    }
    let bare = Destination.withoutSlash(name)
    var status = stat()
    guard stat(name, &status) == 0 else {
      guard errno == ENOENT else { throw Destination.refusal(name, String(cString: strerror(errno))) }
      guard lstat(bare, &status) != 0 else { throw Destination.refusal(name, "it is a link to nothing") }
      let folder = URL(fileURLWithPath: bare).deletingLastPathComponent().path
      guard !name.isEmpty, stat(folder, &status) == 0, status.st_mode & S_IFMT == S_IFDIR else {
        throw Destination.refusal(name, "there is no folder \(folder)")
      }
      (path, form) = (bare, .absent)
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
    case S_IFDIR: form = .folder
    default: throw Destination.refusal(name, "it is neither a file nor a device")
    }
  }

  /// `out/` is a folder to put something into.
  static func isFolder(_ name: String) -> Bool { name.hasSuffix("/") }

  private static func withoutSlash(_ name: String) -> String {
    var name = name[...]
    while name.count > 1, name.hasSuffix("/") { name = name.dropLast() }
    return String(name)
  }

  private static func refusal(_ name: String, _ reason: String) -> CommandFailure {
    CommandFailure("nothing can be put at '\(name)': \(reason)")
  }

  private func refusal(_ reason: String) -> CommandFailure { Destination.refusal(name, reason) }

  /// Refuses, before anything is fetched, what could not be put here in the end.
  func check(_ artifact: Artifact, from store: Store) throws {
    switch form {
    case .absent, .stream, .standardOutput: break
    case .file where artifact.form == .manifest:
      throw refusal("the artifact is a folder, and a file is there. Choose another name")
    case .file:
      guard replaces || holdsAlready(artifact) else {
        throw refusal("a file is there. --force replaces it")
      }
    case .folder where artifact.form == .blob:
      throw refusal("a folder is there. Name what is to be in it, or write '\(name)/' to have it named")
    case .folder:
      guard replaces || (try? FileManager.default.contentsOfDirectory(atPath: path)) == [] else {
        throw refusal(
          "a folder is there that isn't empty. --force replaces files of the same names in it, and no others")
      }
    }
    if artifact.form == .manifest { try checkIsNoStream() }
  }

  private func checkIsNoStream() throws {
    switch form {
    case .stream, .standardOutput:
      throw refusal("what is to be put there is a folder. Say where with -o FOLDER")
    default: break
    }
  }

  /// The same for a folder with these in it.
  func check(names: [String]) throws {
    try checkIsNoStream()
    if case .file = form { throw refusal("a file is there, where a folder is needed. Choose another name") }
    guard case .folder = form, !replaces else { return }
    var status = stat()
    if let taken = names.first(where: { lstat("\(path)/\($0)", &status) == 0 }) {
      throw refusal("'\(taken)' is there already. --force replaces it, and files of the same names alone")
    }
  }

  private func holdsAlready(_ artifact: Artifact) -> Bool {
    var status = stat()
    guard stat(path, &status) == 0, Int(status.st_size) == artifact.size,
      let content = try? Data(contentsOf: URL(fileURLWithPath: path), options: .mappedIfSafe)
    else { return false }
    return Digest.of(content) == artifact.digest
  }

  /// Copies an artifact here.
  func put(_ artifact: Artifact, from store: Store) throws {
    try check(artifact, from: store)
    switch form {
    case .standardOutput: try StandardOutput.write(contentOf: store.file(for: artifact.digest))
    case .stream: try write(store.file(for: artifact.digest))
    case .absent, .file, .folder:
      try beside { fresh in
        try store.export(artifact, to: fresh)
        try move(fresh)
      }
    }
  }

  /// Makes this a folder with these artifacts and a text.
  func put(_ members: [Member], and text: (name: String, content: String), from store: Store) throws {
    try check(names: members.map(\.name) + [text.name])
    try beside { fresh in
      try makeFolder(fresh.path)
      for member in members {
        try Destination.goOn()
        try store.export(member.artifact, to: fresh.appending(path: member.name))
      }
      try Data(text.content.utf8).write(to: fresh.appending(path: text.name))
      try move(fresh)
    }
  }

  private static func goOn() throws {
    if Interruption.happened { throw CommandFailure("interrupted", status: 130) }
  }

  /// Has something made in a folder of this process's own on the same filesystem, so that a half of it never stands
  /// here. That folder is removed in any case, and so are those of processes that died before they could.
  private func beside(_ make: (URL) throws -> Void) throws {
    let folder =
      if case .folder = form { path } else { URL(fileURLWithPath: path).deletingLastPathComponent().path }
    let own = Destination.prefix + OwnName().text
    OwnFolder(folder)?.removeStaleTrees(prefix: Destination.prefix)
    try makeFolder("\(folder)/\(own)")
    defer { OwnFolder(folder)?.removeTree(own) }
    try make(URL(fileURLWithPath: "\(folder)/\(own)/new"))
  }

  /// Moves what was made to its place.
  private func move(_ fresh: URL) throws {
    try Destination.goOn()
    if case .folder = form { return try merge(fresh.path, into: path) }
    guard rename(fresh.path, path) == 0 else { throw failed(name) }
  }

  /// Moves all files below a folder to the same names below another, once none of those is anything but a file.
  private func merge(_ fresh: String, into folder: String) throws {
    let names = try FileManager.default.subpathsOfDirectory(atPath: fresh).sorted()
    var folders: [String] = []
    var files: [String] = []
    for name in names {
      var status = stat()
      guard lstat("\(fresh)/\(name)", &status) == 0 else { throw failed(name) }
      let isFolder = status.st_mode & S_IFMT == S_IFDIR
      if isFolder { folders.append(name) } else { files.append(name) }
      if lstat("\(folder)/\(name)", &status) == 0, status.st_mode & S_IFMT != (isFolder ? S_IFDIR : S_IFREG) {
        throw refusal("'\(name)' is in the way there: it is no \(isFolder ? "folder" : "plain file")")
      }
    }
    for name in folders where mkdir("\(folder)/\(name)", 0o777) != 0 && errno != EEXIST { throw failed(name) }
    for name in files where rename("\(fresh)/\(name)", "\(folder)/\(name)") != 0 { throw failed(name) }
  }

  private func makeFolder(_ path: String) throws {
    guard mkdir(path, 0o777) == 0 else { throw failed(path) }
  }

  private func failed(_ name: String) -> CommandFailure {
    CommandFailure("\(name) can't be written: \(String(cString: strerror(errno)))")
  }

  private func write(_ file: URL) throws {
    let output = open(path, O_WRONLY | O_CLOEXEC | O_NOCTTY)
    guard output >= 0 else { throw failed(name) }
    defer { close(output) }
    let input = try FileHandle(forReadingFrom: file)
    defer { try? input.close() }
    while let chunk = try input.read(upToCount: 1 << 20), !chunk.isEmpty {
      var rest = chunk[...]
      while !rest.isEmpty {
        let n = rest.withUnsafeBytes { Glibc.write(output, $0.baseAddress, $0.count) }
        if n < 0, errno == EINTR { continue }
        guard n > 0 else { throw failed(name) }
        rest = rest.dropFirst(n)
      }
    }
  }
}
