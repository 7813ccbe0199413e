// Owns what a remote is: a dumb place for records and stored bytes. It need not verify anything: who fetches does.

import Canonical

/// Where a team shares records and blobs: `v1/ac/<key>` and `v1/cas/<sha256 of the stored bytes>`, whatever carries
/// them. What was put is never changed. Calls block, and may come from several threads.
public protocol Remote: Sendable, CustomStringConvertible {
  /// What tells this remote from another in its place; nil where nothing does.
  var identity: String? { get }
  /// Whether nothing is to be put there.
  var isReadOnly: Bool { get }
  /// The text put for a key; nil when there is none. Here and below, a remote that isn't there at all throws
  /// `StoreError.remoteAbsent`, one that fails `.remote`, and something under the name that can't be read
  /// `.unreadable`.
  /// - Throws: `StoreError.record` when it is longer than `limit` bytes.
  func record(_ key: Digest, limit: Int) throws -> [UInt8]?
  func hasRecord(_ key: Digest) throws -> Bool
  /// Puts a record's text, all of it or nothing. Where there is one already, that one stays (then false), unless the
  /// caller knows it to be wrong.
  func putRecord(_ text: [UInt8], for key: Digest, replacing: Bool) throws -> Bool
  /// Hands stored bytes to `sink`, at most `limit` and one more; false when there are none.
  func blob(_ stored: Digest, limit: Int, to sink: ByteSink) throws -> Bool
  func hasBlob(_ stored: Digest, size: Int) throws -> Bool
  /// Puts `size` stored bytes, all of them or, when `source` throws, nothing. Where others are under that name, they
  /// give way: the caller has hashed these.
  func putBlob(_ stored: Digest, size: Int, from source: ByteSource) throws
  /// The keys of all records; nil where this sort of remote can't tell.
  func keys() throws -> [Digest]?

  // Many at a time, for remotes that answer many requests at once. What is wrong with one concerns that one alone:
  // `each` is called once for every position, in any order, on the calling thread. These throw what `each` throws.

  func records(
    _ keys: [Digest], limit: Int, each: (_ position: Int, Result<[UInt8]?, any Error>) throws -> Void) throws
  func hasRecords(_ keys: [Digest], each: (_ position: Int, Result<Bool, any Error>) throws -> Void) throws
  func putRecords(
    _ offers: [RecordOffer], each: (_ position: Int, Result<Bool, any Error>) throws -> Void) throws
  func blobs(_ wishes: [BlobWish], each: (_ position: Int, Result<Bool, any Error>) throws -> Void) throws
  func hasBlobs(
    _ blobs: [(stored: Digest, size: Int)], each: (_ position: Int, Result<Bool, any Error>) throws -> Void)
    throws
  func putBlobs(_ offers: [BlobOffer], each: (_ position: Int, Result<Void, any Error>) throws -> Void) throws
}

/// A blob that somebody wants: see `Remote.blob`.
public struct BlobWish {
  public var stored: Digest
  public var limit: Int
  public var sink: ByteSink

  public init(_ stored: Digest, limit: Int, to sink: @escaping ByteSink) {
    (self.stored, self.limit, self.sink) = (stored, limit, sink)
  }
}

/// A blob that somebody brings: see `Remote.putBlob`.
public struct BlobOffer {
  public var stored: Digest
  public var size: Int
  public var source: ByteSource

  public init(_ stored: Digest, size: Int, from source: @escaping ByteSource) {
    (self.stored, self.size, self.source) = (stored, size, source)
  }
}

/// A record that somebody brings: see `Remote.putRecord`.
public struct RecordOffer: Sendable {
  public var text: [UInt8]
  public var key: Digest
  public var isReplacing: Bool

  public init(_ text: [UInt8], for key: Digest, replacing: Bool) {
    (self.text, self.key, self.isReplacing) = (text, key, replacing)
  }
}

extension Remote {
  public var identity: String? { nil }
  public var isReadOnly: Bool { false }

  // One after the other, where a remote gains nothing from more.

  public func records(
    _ keys: [Digest], limit: Int, each: (_ position: Int, Result<[UInt8]?, any Error>) throws -> Void
  ) throws {
    for (i, key) in keys.enumerated() { try each(i, Result { try record(key, limit: limit) }) }
  }
  public func hasRecords(
    _ keys: [Digest], each: (_ position: Int, Result<Bool, any Error>) throws -> Void
  ) throws {
    for (i, key) in keys.enumerated() { try each(i, Result { try hasRecord(key) }) }
  }
  public func putRecords(
    _ offers: [RecordOffer], each: (_ position: Int, Result<Bool, any Error>) throws -> Void
  ) throws {
    for (i, offer) in offers.enumerated() {
      try each(i, Result { try putRecord(offer.text, for: offer.key, replacing: offer.isReplacing) })
    }
  }
  public func blobs(
    _ wishes: [BlobWish], each: (_ position: Int, Result<Bool, any Error>) throws -> Void
  ) throws {
    for (i, wish) in wishes.enumerated() {
      try each(i, Result { try blob(wish.stored, limit: wish.limit, to: wish.sink) })
    }
  }
  public func hasBlobs(
    _ blobs: [(stored: Digest, size: Int)], each: (_ position: Int, Result<Bool, any Error>) throws -> Void
  ) throws {
    for (i, blob) in blobs.enumerated() { try each(i, Result { try hasBlob(blob.stored, size: blob.size) }) }
  }
  public func putBlobs(
    _ offers: [BlobOffer], each: (_ position: Int, Result<Void, any Error>) throws -> Void
  ) throws {
    for (i, offer) in offers.enumerated() {
      try each(i, Result { try putBlob(offer.stored, size: offer.size, from: offer.source) })
    }
  }
}
