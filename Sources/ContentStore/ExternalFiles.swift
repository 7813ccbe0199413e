// Owns the digests of files outside the store: data, scripts, imported weights. They are cached by what the filesystem
// says of a file, and that is distrusted when the file has changed within two seconds.

import Canonical
import Foundation
import GRDB
import Synchronization

/// A file outside the store, as it was when it was hashed.
public struct ExternalFile: Hashable, Sendable {
  public let path: String
  public let digest: Digest
  public let size: Int
  let stamp: Stamp

  public var artifact: Artifact { Artifact(.blob, digest, size: size) }

  /// Whether the filesystem still says of the file what it said before it was hashed. To be asked after a stage has
  /// read it: if it was edited meanwhile, the result belongs to no key.
  public var isUnchanged: Bool { isUnchanged(at: path) }

  /// Whether the filesystem said the same of it when somebody else looked; times in nanoseconds since 1970.
  public func was(size: Int, modified: Int, changed: Int, inode: Int, device: Int) -> Bool {
    stamp == Stamp(size: size, modified: modified, changed: changed, inode: inode, device: device)
  }

  /// The same of a file by another path, which leads to this one.
  public func isUnchanged(at path: String) -> Bool { Stamp(path) == stamp }
}

/// What the filesystem says of a file's content; times in nanoseconds since 1970.
struct Stamp: Hashable, Sendable {
  var size: Int
  var modified: Int
  var changed: Int
  var inode: Int
  var device: Int

  init(size: Int, modified: Int, changed: Int, inode: Int, device: Int) {
    self.size = size
    self.modified = modified
    self.changed = changed
    self.inode = inode
    self.device = device
  }

  /// nil when there is no such file.
  init?(_ path: String) {
    var status = stat()
    guard stat(path, &status) == 0 else { return nil }
    self.init(status)
  }

  init(_ status: stat) {
    size = Int(status.st_size)
    modified = status.st_mtim.tv_sec * 1_000_000_000 + status.st_mtim.tv_nsec
    changed = status.st_ctim.tv_sec * 1_000_000_000 + status.st_ctim.tv_nsec
    inode = Int(truncatingIfNeeded: status.st_ino)
    device = Int(truncatingIfNeeded: status.st_dev)
  }

  /// Whether a change after `time` would show: timestamps are coarse, and clocks of file servers differ.
  func isSettled(at time: Int) -> Bool { max(modified, changed) < time - 2_000_000_000 }
}

/// Told of the bytes that were hashed, and of how many there are in all. What it throws ends the hashing.
public typealias HashingObserver = @Sendable (_ done: Int, _ total: Int) throws -> Void

extension Store {
  /// From now on `observer` is told while files outside are hashed; nil: nobody.
  public func onHashing(_ observer: HashingObserver?) { hashing.withLock { $0 = observer } }

  /// The digests of files, in the order given. A path may be written in any way; a symbolic link is followed.
  /// - Throws: `.source` for a path that isn't a file that can be read, or one that changes all the while; what the
  ///   observer throws. What was hashed until then is remembered.
  public func digests(ofFiles files: [URL]) throws -> [ExternalFile] {
    let known = try reading { db in
      let statement = try db.cachedStatement(
        sql: "SELECT size, modified, changed, inode, device, digest FROM externalFiles WHERE path = ?")
      return try files.map { file -> ExternalFile? in
        guard let stamp = Stamp(file.path),
          let (known, digest) = try statement.first([file.path], { (Stamp(row: $0), try Digest($0, 5)) }),
          known == stamp
        else { return nil }
        return ExternalFile(path: file.path, digest: digest, size: stamp.size, stamp: stamp)
      }
    }
    var fresh: [ExternalFile] = []
    var found: [ExternalFile] = []
    let observer = hashing.withLock { $0 }
    let total =
      observer == nil
      ? 0 : zip(files, known).reduce(0) { $0 + ($1.1 == nil ? Stamp($1.0.path)?.size ?? 0 : 0) }
    var done = 0
    do {
      for (file, known) in zip(files, known) {
        if let known {
          found.append(known)
          continue
        }
        let started = Store.now * 1_000_000
        let hashed = try Store.hash(file.path) { try observer?(min(done + $0, total), total) }
        done += hashed.size
        found.append(hashed)
        if hashed.stamp.isSettled(at: started) { fresh.append(hashed) }
      }
    } catch {
      try? remember(fresh)
      throw error
    }
    try remember(fresh)
    return found
  }

  private func remember(_ files: [ExternalFile]) throws {
    if files.isEmpty || isReadOnly { return }
    try writing { db in
      let statement = try db.cachedStatement(
        sql: """
          INSERT OR REPLACE INTO externalFiles (path, size, modified, changed, inode, device, digest)
          VALUES (?, ?, ?, ?, ?, ?, ?)
          """)
      for file in files {
        let stamp = file.stamp
        try statement.execute(arguments: [
          file.path, stamp.size, stamp.modified, stamp.changed, stamp.inode, stamp.device, file.digest.data,
        ])
      }
    }
  }

  /// The artifact that a folder of these files would be: nested manifests, by relative path. Nothing is stored.
  public static func tree(of files: [String: ExternalFile]) -> Artifact {
    var entries: [String: Artifact] = [:]
    var folders: [String: [String: ExternalFile]] = [:]
    for (path, file) in files {
      if let slash = path.firstIndex(of: "/") {
        folders[String(path[..<slash]), default: [:]][String(path[path.index(after: slash)...])] = file
      } else {
        entries[path] = file.artifact
      }
    }
    for (name, below) in folders { entries[name] = tree(of: below) }
    return Manifest(entries).artifact
  }

  /// Hashes a file; if it changes meanwhile, again. `tell` gets the bytes of it that were read.
  private static func hash(_ path: String, tell: (Int) throws -> Void) throws -> ExternalFile {
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: Codec.block, alignment: 64)
    defer { buffer.deallocate() }
    for _ in 0..<3 {
      guard let file = try OpenFile.reading(path) else {
        throw StoreError.source(path: path, reason: "no such file")
      }
      let status = try file.status()
      guard status.st_mode & S_IFMT == S_IFREG else {
        let isFolder = status.st_mode & S_IFMT == S_IFDIR
        throw StoreError.source(
          path: path, reason: isFolder ? "a folder, where a file was expected" : "not a file")
      }
      var hasher = Hasher256()
      var count = 0
      while true {
        let n = try file.read(into: buffer)
        if n == 0 { break }
        hasher.update(UnsafeRawBufferPointer(rebasing: buffer[..<n]))
        count += n
        try tell(count)
      }
      let stamp = Stamp(status)
      if Stamp(try file.status()) == stamp {
        return ExternalFile(path: path, digest: hasher.finish(), size: stamp.size, stamp: stamp)
      }
    }
    throw StoreError.source(path: path, reason: "changes while it is read; wait until its writer is done")
  }
}

extension Stamp {
  fileprivate init(row: Row) {
    size = row[0]
    modified = row[1]
    changed = row[2]
    inode = row[3]
    device = row[4]
  }
}
