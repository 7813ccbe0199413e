// Owns what a store offers to others as if it were a remote, and takes from them: records with their signatures, and
// stored bytes as they lie. Everything is read beside whoever works in the store.

import Canonical
import Foundation
import GRDB

/// Stored bytes as they are sent.
public enum Offered: Sendable {
  case bytes([UInt8])
  case file(OfferedFile)

  public var size: Int {
    switch self {
    case .bytes(let bytes): bytes.count
    case .file(let file): file.size
    }
  }
}

/// An open file of a known size; it is whole though its name may be gone by now.
public final class OfferedFile: Sendable {
  public let descriptor: Int32
  public let size: Int

  /// nil where there is no plain file.
  init?(_ path: String) {
    descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)
    var status = stat()
    let isPlain = descriptor >= 0 && fstat(descriptor, &status) == 0 && status.st_mode & S_IFMT == S_IFREG
    size = Int(status.st_size)
    if !isPlain { return nil }
  }

  deinit { if descriptor >= 0 { close(descriptor) } }
}

/// What became of a record that somebody brought.
public enum Reception: Hashable, Sendable {
  case taken
  /// It was there. Signatures that it didn't have were added.
  case alreadyThere
  /// Another result of the key is here and stays.
  case otherStays
  /// Nobody vouches for it.
  case refused(String)
  /// It is no record of this key that this version knows.
  case unknown
}

extension Store {
  /// Has stored bytes found by their digest; without it each look-up reads the whole list of blobs.
  public func prepareOffering() throws {
    if isReadOnly { return }
    try writing { try $0.execute(sql: "CREATE INDEX IF NOT EXISTS blobsByStored ON blobs (stored)") }
  }

  /// A key's record with its signatures, as a remote has it.
  public func offeredRecord(_ key: Digest) throws -> [UInt8]? {
    try record(for: key).map { try signed($0).bytes }
  }

  /// Stored bytes, if they are here. They aren't verified: whoever gets them does that.
  public func offeredBlob(_ stored: Digest) throws -> Offered? {
    let found = try reading { db in
      try db.cachedStatement(
        sql: """
          SELECT codec, storedSize, digest, (SELECT bytes FROM inlineBlobs WHERE digest = blobs.digest AND place = 0)
          FROM blobs WHERE stored = ? AND place < 2
          """
      ).first([stored.data]) { row -> (path: String?, size: Int, bytes: Data?) in
        let codec: String = row[0]
        let digest = try Digest(row, 2)
        return (Codec(rawValue: codec).map { layout.blob(digest, $0) }, row[1], row[3])
      }
    }
    guard let found else { return nil }
    if let bytes = found.bytes { return bytes.count == found.size ? .bytes(Array(bytes)) : nil }
    guard let file = found.path.flatMap({ OfferedFile($0) }), file.size == found.size else { return nil }
    return .file(file)
  }

  /// Takes a record that somebody brings, and its blobs from where they put them before.
  public func take(_ text: [UInt8], for key: Digest, from entries: ForeignEntries) throws -> Reception {
    guard let signed = try? SignedText(parsing: text), let record = try? Record(parsing: signed.text),
      record.key == key
    else { return .unknown }
    if let known = try self.record(for: key) {
      guard known.artifacts == record.artifacts else { return .otherStays }
      if known.text == record.text { try add(signed.lines, to: key) }
      return .alreadyThere
    }
    let arrival = Delivery(text: text, key: key, entries: entries)
    guard try pullRecord(key, from: arrival) != nil else {
      return .refused(refusals(of: [key])[key] ?? "it isn't believed")
    }
    _ = try pull([key], from: arrival)
    for blob in record.blobs where try offeredBlob(blob.storedDigest) != nil {
      entries.remove(.blobs, blob.storedDigest)
    }
    return .taken
  }
}

/// A record that has just come, with what was put before it, as the remote that they are pulled from.
private struct Delivery: Remote {
  let text: [UInt8]
  let key: Digest
  let entries: ForeignEntries

  var description: String { "what was put here" }

  func record(_ key: Digest, limit: Int) throws -> [UInt8]? {
    if key == self.key { return text }
    guard let file = try entries.find(.records, key) else { return nil }
    return try OpenFile.reading("/proc/self/fd/\(file.descriptor)")?.contents(limit: limit)
  }
  func hasRecord(_ key: Digest) throws -> Bool { try record(key, limit: SignedText.longest) != nil }
  func putRecord(_ text: [UInt8], for key: Digest, replacing: Bool) throws -> Bool { false }

  func blob(_ stored: Digest, limit: Int, to sink: ByteSink) throws -> Bool {
    guard let file = try entries.find(.blobs, stored) else { return false }
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: Codec.block, alignment: 64)
    defer { buffer.deallocate() }
    var done = 0
    while done <= limit {
      let n = pread(file.descriptor, buffer.baseAddress, min(buffer.count, limit + 1 - done), off_t(done))
      if n < 0, errno == EINTR { continue }
      guard n >= 0 else {
        throw StoreError.unreadable(path: "\(stored)", reason: String(cString: strerror(errno)))
      }
      if n == 0 { break }
      try sink(UnsafeRawBufferPointer(rebasing: buffer[..<n]))
      done += n
    }
    return true
  }
  func hasBlob(_ stored: Digest, size: Int) throws -> Bool { try entries.find(.blobs, stored)?.size == size }
  func putBlob(_ stored: Digest, size: Int, from source: ByteSource) throws {}
  func keys() throws -> [Digest]? { nil }
}
