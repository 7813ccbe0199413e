// Owns the remote that is a directory, perhaps on a network filesystem, perhaps served by nginx: immutable files under
// `v1/ac` and `v1/cas`, published atomically and synced with their folder. No locks and no SQLite.

import Canonical
import Foundation

/// A directory as a remote.
public struct DirectoryRemote: Remote {
  let root: String

  public var description: String { root }

  /// Uses a directory; creates it if the one above is there (a mistyped path shouldn't become a new remote).
  public init(at directory: URL) throws {
    root = directory.standardizedFileURL.path
    defer { Temporary.removeStale(in: root + "/v1/temporary") }
    if mkdir(root, 0o777) == 0 { return }
    let code = errno
    var isDirectory: ObjCBool = false
    if FileManager.default.fileExists(atPath: root, isDirectory: &isDirectory) {
      guard isDirectory.boolValue else {
        throw StoreError.remote(name: root, reason: "a remote is a directory, but this is a file")
      }
      return
    }
    let reason =
      code == ENOENT
      ? "no such directory, nor the one above; create it, or mend the path" : String(cString: strerror(code))
    throw StoreError.remote(name: root, reason: reason)
  }

  private func path(_ folder: String, _ digest: Digest) -> String { "\(root)/v1/\(folder)/\(digest.hex)" }

  public func record(_ key: Digest, limit: Int) throws -> [UInt8]? {
    try naming {
      guard let file = try OpenFile.reading(path("ac", key)) else { return nil }
      do { return try file.contents(limit: limit) } catch StoreError.source(_, let reason) {
        throw StoreError.record(reason: reason)
      }
    }
  }

  public func hasRecord(_ key: Digest) throws -> Bool { access(path("ac", key), F_OK) == 0 }

  public func putRecord(_ text: [UInt8], for key: Digest, replacing: Bool) throws -> Bool {
    try naming { try put("ac", key, replacing: { replacing }, from: source(of: text)) }
  }

  public func blob(_ stored: Digest, limit: Int, to sink: ByteSink) throws -> Bool {
    guard let file = try naming({ try OpenFile.reading(path("cas", stored)) }) else { return false }
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
    var status = stat()
    // One of another size is damaged: putting it again mends it.
    return stat(path("cas", stored), &status) == 0 && Int(status.st_size) == size
  }

  public func putBlob(_ stored: Digest, size: Int, from source: ByteSource) throws {
    try naming {
      _ = try put(
        "cas", stored, replacing: { try Layout.digest(ofFile: path("cas", stored)) != stored }, from: source)
    }
  }

  public func keys() throws -> [Digest]? {
    names(in: root + "/v1/ac").compactMap { Digest(hex: $0) }.sorted()
  }

  /// Writes a file under a temporary name, syncs it, and links it to its name. When that is taken, the file there
  /// stays (then false) unless `replacing` says otherwise.
  private func put(_ folder: String, _ digest: Digest, replacing: () throws -> Bool, from source: ByteSource)
    throws -> Bool
  {
    let temporary = try Temporary(in: root + "/v1/temporary")
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: Codec.block, alignment: 64)
    defer { buffer.deallocate() }
    while true {
      let n = try source(buffer)
      if n == 0 { break }
      try temporary.write(UnsafeRawBufferPointer(rebasing: buffer[..<n]))
    }
    if try !temporary.publish(as: path(folder, digest)) {
      guard try replacing() else { return false }
      try temporary.replace(path(folder, digest))
    }
    try syncDirectory("\(root)/v1/\(folder)")
    return true
  }

  /// Runs `body`, with the remote named in what it throws.
  private func naming<T: ~Copyable>(_ body: () throws -> T) throws -> T {
    do { return try body() } catch let error as StoreError {
      switch error {
      case .full, .cannotWrite, .system, .source:
        throw StoreError.remote(name: root, reason: error.description)
      default: throw error
      }
    }
  }
}
