// Owns the remote that is a directory, perhaps on a network filesystem, perhaps served by nginx: immutable files under
// `v1/ac` and `v1/cas`, published atomically and synced with their folder. No locks and no SQLite.

import Canonical
import Foundation

/// A directory as a remote.
public struct DirectoryRemote: Remote {
  private let shared: SharedFolder
  public let identity: String?

  public var description: String { shared.root }
  private var root: String { shared.root }

  /// Uses a directory. A new remote is made where there is none yet, the folder above is there (a mistyped path
  /// shouldn't become a remote), and nothing else is in it; but not where `isKnown` says that one was used before: then
  /// its filesystem isn't mounted.
  /// - Throws: `.remoteAbsent`; `.remote` for a place that can't be one.
  public init(at directory: URL, isKnown: (String) throws -> Bool = { _ in false }) throws {
    let root = directory.standardizedFileURL.path
    var status = stat()
    let isThere = stat(root, &status) == 0
    if isThere, status.st_mode & S_IFMT != S_IFDIR {
      throw StoreError.remote(name: root, reason: "a remote is a directory, but this is a file")
    }
    if access(root + "/v1", F_OK) != 0 {
      try DirectoryRemote.checkThatOneMayBeMade(at: root, isThere: isThere, isKnown: isKnown(root))
      if !isThere { try SharedFolder.make(root) }
    }
    shared = try SharedFolder(root)
    identity = try shared.identity()
    OwnFolder(root + "/v1/temporary")?.removeStaleFiles()
  }

  private static func checkThatOneMayBeMade(at root: String, isThere: Bool, isKnown: Bool) throws {
    if isKnown {
      throw StoreError.remoteAbsent(
        name: root,
        reason: "it was used before, but there is nothing now. Is its filesystem mounted? To begin it anew: "
          + "mkdir -p '\(root)/v1'")
    }
    let above = (root as NSString).deletingLastPathComponent
    guard isThere || access(above, F_OK) == 0 else {
      throw StoreError.remoteAbsent(
        name: root, reason: "no such directory, nor the one above; create it, or mend the path")
    }
    if let foreign = names(in: root).filter({ $0 != "lost+found" }).min() {
      throw StoreError.remote(
        name: root,
        reason:
          "it holds \(foreign.debugDescription) and so on, but no remote. Name a new or empty folder, or make "
          + "one here: mkdir '\(root)/v1'")
    }
  }

  private func path(_ folder: String, _ digest: Digest) -> String { "\(root)/v1/\(folder)/\(digest.hex)" }

  public func record(_ key: Digest, limit: Int) throws -> [UInt8]? {
    try naming {
      guard let file = try reading(path("ac", key)) else { return nil }
      do { return try file.contents(limit: limit) } catch StoreError.source(_, let reason) {
        throw StoreError.record(reason: reason)
      }
    }
  }

  public func hasRecord(_ key: Digest) throws -> Bool {
    if Layout.sizeOfFile(path("ac", key)) != nil { return true }
    try checkThatItIsThere()
    return false
  }

  public func putRecord(_ text: [UInt8], for key: Digest, replacing: Bool) throws -> Bool {
    try naming {
      // What is no file was put there by nobody.
      try put(
        "ac", key, replacing: { replacing || Layout.sizeOfFile(path("ac", key)) == nil },
        from: source(of: text))
    }
  }

  public func blob(_ stored: Digest, limit: Int, to sink: ByteSink) throws -> Bool {
    guard let file = try naming({ try reading(path("cas", stored)) }) else { return false }
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: Codec.block, alignment: 64)
    defer { buffer.deallocate() }
    var left = limit + 1
    while left > 0 {
      let n = try naming {
        try file.read(into: UnsafeMutableRawBufferPointer(rebasing: buffer[..<min(left, buffer.count)]))
      }
      if n == 0 { break }
      left -= n
      try sink(UnsafeRawBufferPointer(rebasing: buffer[..<n]))
    }
    return true
  }

  public func hasBlob(_ stored: Digest, size: Int) throws -> Bool {
    // One of another size is damaged: putting it again mends it.
    if Layout.sizeOfFile(path("cas", stored)) == size { return true }
    try checkThatItIsThere()
    return false
  }

  public func putBlob(_ stored: Digest, size: Int, from source: ByteSource) throws {
    try naming {
      let path = path("cas", stored)
      _ = try put(
        "cas", stored, replacing: { (try? Layout.digest(ofFile: path, size: size)) != stored }, from: source)
    }
  }

  public func keys() throws -> [Digest]? {
    try checkThatItIsThere()
    return names(in: root + "/v1/ac").compactMap { Digest(hex: $0) }.sorted()
  }

  /// Writes a file under a temporary name, syncs it, and links it to its name. When that is taken, the file there
  /// stays (then false) unless `replacing` says otherwise.
  private func put(_ folder: String, _ digest: Digest, replacing: () throws -> Bool, from source: ByteSource)
    throws -> Bool
  {
    try checkThatItIsThere()
    let folder = try shared.folder(folder)
    let temporary = try Temporary(in: shared.folder("temporary"))
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: Codec.block, alignment: 64)
    defer { buffer.deallocate() }
    while true {
      let n = try source(buffer)
      if n == 0 { break }
      try temporary.write(UnsafeRawBufferPointer(rebasing: buffer[..<n]))
    }
    let path = "\(folder)/\(digest.hex)"
    if try !temporary.publish(as: path, group: shared.group, mode: shared.mode & 0o444) {
      guard try replacing() else { return false }
      try Layout.clear(path, into: root + "/v1/set-aside")
      try temporary.replace(path)
    }
    try syncDirectory(folder)
    return true
  }

  private func reading(_ path: String) throws -> OpenFile? {
    if let file = try OpenFile.reading(path) { return file }
    try checkThatItIsThere()
    return nil
  }

  /// Nothing is found in a remote that has gone either.
  private func checkThatItIsThere() throws {
    guard access(root + "/v1", F_OK) != 0 else { return }
    throw StoreError.remoteAbsent(
      name: root,
      reason: "its folder v1 is gone (\(String(cString: strerror(errno)))). Is its filesystem mounted?")
  }

  /// Runs `body`, with the remote named in what it throws.
  private func naming<T: ~Copyable>(_ body: () throws -> T) throws -> T {
    do { return try body() } catch let error as StoreError {
      switch error {
      // What is to be done about a store of one's own is no advice here.
      case .full(let path):
        throw StoreError.remote(name: root, reason: "\(path): no room left on its disk, or in a quota")
      case .cannotWrite(let path, let reason):
        throw StoreError.remote(name: root, reason: "\(path): can't be written (\(reason))")
      case .system, .source:
        throw StoreError.remote(name: root, reason: error.description)
      // A file as it should be that can't be read all the same: its disk or server has failed, not the file.
      case .unreadable(let path, _) where Layout.sizeOfFile(path) != nil && access(path, R_OK) == 0:
        throw StoreError.remote(name: root, reason: error.description)
      default: throw error
      }
    }
  }
}

/// A folder that several people write to: group and permissions of all in it are its own, whoever publishes and
/// whatever his umask.
private struct SharedFolder: Sendable {
  let root: String
  let group: gid_t
  /// The permissions of folders; those of files are the reading ones among them.
  let mode: mode_t

  init(_ root: String) throws {
    var status = stat()
    guard stat(root, &status) == 0 else {
      throw StoreError.remote(name: root, reason: String(cString: strerror(errno)))
    }
    self.root = root
    group = status.st_gid
    mode = status.st_mode & 0o2777
  }

  /// Makes a new one with the group and permissions of the folder above, unless that is everybody's (`/tmp`).
  static func make(_ root: String) throws {
    guard mkdir(root, 0o777) == 0 || errno == EEXIST else {
      throw StoreError.remote(name: root, reason: String(cString: strerror(errno)))
    }
    let above = try SharedFolder((root as NSString).deletingLastPathComponent)
    var status = stat()
    guard stat(above.root, &status) == 0, status.st_mode & S_ISVTX == 0 else { return }
    above.share(root)
  }

  /// The path of a folder under `v1/`, made if need be.
  func folder(_ name: String) throws -> String {
    for path in [root + "/v1", "\(root)/v1/\(name)"] {
      if mkdir(path, 0o777) == 0 {
        share(path)
      } else if errno != EEXIST {
        throw StoreError.failed(to: "create the folder", path)
      }
    }
    return "\(root)/v1/\(name)"
  }

  /// Gives a folder of this user the group and permissions of the root. Where that isn't allowed, it stays as it is.
  private func share(_ path: String) {
    _ = chown(path, uid_t.max, group)
    chmod(path, mode)
  }

  /// What tells this remote from another in its place: the content of a file that is made with it. nil where it has
  /// none and nothing can be written.
  func identity() throws -> String? {
    let path = root + "/v1/remote"
    if let text = try read(path) { return text }
    do {
      let temporary = try Temporary(in: folder("temporary"))
      let text = "bobbin remote " + String(UInt64.random(in: .min ... .max), radix: 16) + "\n"
      try Array(text.utf8).withUnsafeBytes { try temporary.write($0) }
      // The first one's stays.
      _ = try temporary.publish(as: path, group: group, mode: mode & 0o444)
      return try read(path)
    } catch is StoreError { return nil }
  }

  private func read(_ path: String) throws -> String? {
    do {
      guard let bytes = try OpenFile.reading(path)?.contents(limit: 1000) else { return nil }
      return String(decoding: bytes, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines)
    } catch let error as StoreError { throw StoreError.remote(name: root, reason: "\(error)") }
  }
}
