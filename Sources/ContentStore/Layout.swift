// Owns the places of things in a store's directory, and how stored bytes get there and away.

import Canonical
import Foundation

/// A store's directory: `index.sqlite`, `blobs/ab/<digest><codec>`, `open/<digest>`, `temporary/`.
struct Layout: Sendable {
  let root: String
  /// Where the index is. In a store on a network's filesystem, which SQLite can't have its index on, `index.sqlite` is a
  /// link to the disk of the driver's machine.
  let index: String

  init(_ directory: URL) {
    root = directory.path
    let place = root + "/index.sqlite"
    let link = try? FileManager.default.destinationOfSymbolicLink(atPath: place)
    index = link.flatMap { $0.hasPrefix("/") ? $0 : nil } ?? place
  }
  var temporary: String { root + "/temporary" }
  var open: String { root + "/open" }
  var running: String { root + "/running" }
  var setAside: String { root + "/set-aside" }
  var lock: String { root + "/lock" }
  var mendLock: String { root + "/mend.lock" }
  var freeLock: String { root + "/free.lock" }
  var blobs: String { root + "/blobs" }
  var logs: String { root + "/logs" }
  /// What other programs' caches put here: `ac/<key>`, `cas/<digest>`.
  var served: String { root + "/served" }

  /// What a store's directory may hold, so that another folder isn't taken for one.
  static let names: Set<String> = [
    "index.sqlite", "index.sqlite-wal", "index.sqlite-shm", "blobs", "open", "temporary", "scratch", "logs",
    "served", "running", "set-aside", "slurm", "lock", "mend.lock", "free.lock", "README.md", "CACHEDIR.TAG",
    ".gitignore", ".gitkeep", "lost+found",
  ]

  /// A large blob's stored bytes. The name ends with the codec (`.zst`), nothing for raw.
  func blob(_ digest: Digest, _ codec: Codec) -> String {
    let hex = digest.hex
    return "\(root)/blobs/\(hex.prefix(2))/\(hex)\(codec.suffix)"
  }

  /// A large blob's content, decoded and verified.
  func opened(_ digest: Digest) -> String { "\(open)/\(digest.hex)" }

  /// Gives complete stored bytes their name, and returns the form that has it then: when the name is taken by the
  /// same content, perhaps written by another version of the codec, that stays. What is damaged there gives way.
  func publish(_ temporary: borrowing Temporary, _ form: StoredBlob) throws -> StoredBlob {
    let path = blob(form.digest, form.codec)
    if try temporary.publish(as: path) { return form }
    return try locked(mendLock) {
      if let there = sameContent(as: form, at: path) { return there }
      try Layout.clear(path, into: setAside)
      try temporary.replace(path)
      return form
    }
  }

  /// The form in which a file holds this content; nil when it doesn't, or can't be read.
  private func sameContent(as form: StoredBlob, at path: String) -> StoredBlob? {
    guard let size = Layout.sizeOfFile(path) else { return nil }
    if size == form.storedSize,
      (try? Layout.digest(ofFile: path, size: size)) == form.storedDigest
    {
      return form
    }
    var hasher = Hasher256()
    let content = try? {
      guard let file = try OpenFile.reading(path) else { throw Undecodable("gone") }
      return try decode(
        form.codec, size: form.size,
        from: {
          let n = try file.read(into: $0)
          hasher.update(UnsafeRawBufferPointer(rebasing: $0[..<n]))
          return n
        }, to: { _ in })
    }()
    guard content == form.digest else { return nil }
    return StoredBlob(
      digest: form.digest, size: form.size, codec: form.codec, storedDigest: hasher.finish(), storedSize: size
    )
  }

  /// Removes the file that turned out to be damaged, but never one that has taken its place since. What isn't a plain
  /// file that can be read (a folder, a link, a file of somebody else) is set aside instead.
  func removeDamaged(_ path: String, _ problem: Undecodable) throws {
    try locked(mendLock) {
      guard let now = FileIdentity(path) else { return }
      guard now.isPlain, !problem.isUnreadable else { return try Layout.clear(path, into: setAside) }
      if problem.file == nil || problem.file == now { unlink(path) }
    }
  }

  /// Makes room for a file under a name: what is no plain file there is moved into `folder`.
  static func clear(_ path: String, into folder: String) throws {
    guard let there = FileIdentity(path) else { return }
    if there.isPlain, access(path, R_OK) == 0 { return }
    try makeDirectory(folder)
    let name = (path as NSString).lastPathComponent
    let place = "\(folder)/\(name).\(String(UInt32.random(in: .min ... .max), radix: 36))"
    guard rename(path, place) == 0 else { throw StoreError.failed(to: "move out of the way", path) }
  }

  /// The length of a plain file, links followed; nil for anything else.
  static func sizeOfFile(_ path: String) -> Int? {
    var status = stat()
    guard stat(path, &status) == 0, status.st_mode & S_IFMT == S_IFREG else { return nil }
    return Int(status.st_size)
  }

  /// The digest of a file's bytes; nil when there is no such plain file, or it hasn't this size.
  static func digest(ofFile path: String, size: Int) throws -> Digest? {
    guard sizeOfFile(path) == size, let file = try OpenFile.reading(path) else { return nil }
    var hasher = Hasher256()
    var left = size
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: Codec.block, alignment: 64)
    defer { buffer.deallocate() }
    while true {
      let n = try file.read(into: buffer)
      left -= n
      if n == 0 || left < 0 { return left == 0 ? hasher.finish() : nil }
      hasher.update(UnsafeRawBufferPointer(rebasing: buffer[..<n]))
    }
  }
}

/// Which file a path names, links not followed.
struct FileIdentity: Hashable, Sendable {
  private var inode: ino_t
  private var device: dev_t
  private var changed: Int
  /// Whether it is a plain file.
  private(set) var isPlain: Bool

  /// nil when there is nothing.
  init?(_ path: String) {
    var status = stat()
    guard lstat(path, &status) == 0 else { return nil }
    self.init(status)
  }

  init(_ status: stat) {
    inode = status.st_ino
    device = status.st_dev
    changed = status.st_ctim.tv_sec * 1_000_000_000 + status.st_ctim.tv_nsec
    isPlain = status.st_mode & S_IFMT == S_IFREG
  }
}
