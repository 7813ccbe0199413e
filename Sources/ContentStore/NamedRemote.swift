// Owns what somebody's settings call a remote.

import Canonical

/// Another remote under a name.
public struct NamedRemote: Remote {
  private let remote: any Remote
  private let name: String

  public init(_ remote: any Remote, name: String) { (self.remote, self.name) = (remote, name) }

  public var description: String { "\(name) (\(remote))" }
  public var identity: String? { remote.identity }
  public var isReadOnly: Bool { remote.isReadOnly }

  public func keys() throws -> [Digest]? { try remote.keys() }
  public func record(_ key: Digest, limit: Int) throws -> [UInt8]? { try remote.record(key, limit: limit) }
  public func hasRecord(_ key: Digest) throws -> Bool { try remote.hasRecord(key) }
  public func putRecord(_ text: [UInt8], for key: Digest, replacing: Bool) throws -> Bool {
    try remote.putRecord(text, for: key, replacing: replacing)
  }
  public func blob(_ stored: Digest, limit: Int, to sink: ByteSink) throws -> Bool {
    try remote.blob(stored, limit: limit, to: sink)
  }
  public func hasBlob(_ stored: Digest, size: Int) throws -> Bool { try remote.hasBlob(stored, size: size) }
  public func putBlob(_ stored: Digest, size: Int, from source: ByteSource) throws {
    try remote.putBlob(stored, size: size, from: source)
  }

  public func records(
    _ keys: [Digest], limit: Int, each: (_ position: Int, Result<[UInt8]?, any Error>) throws -> Void
  ) throws { try remote.records(keys, limit: limit, each: each) }
  public func hasRecords(
    _ keys: [Digest], each: (_ position: Int, Result<Bool, any Error>) throws -> Void
  ) throws { try remote.hasRecords(keys, each: each) }
  public func putRecords(
    _ offers: [RecordOffer], each: (_ position: Int, Result<Bool, any Error>) throws -> Void
  ) throws {
    try remote.putRecords(offers, each: each)
  }
  public func blobs(
    _ wishes: [BlobWish], each: (_ position: Int, Result<Bool, any Error>) throws -> Void
  ) throws { try remote.blobs(wishes, each: each) }
  public func hasBlobs(
    _ blobs: [(stored: Digest, size: Int)], each: (_ position: Int, Result<Bool, any Error>) throws -> Void
  ) throws { try remote.hasBlobs(blobs, each: each) }
  public func putBlobs(
    _ offers: [BlobOffer], each: (_ position: Int, Result<Void, any Error>) throws -> Void
  ) throws {
    try remote.putBlobs(offers, each: each)
  }
}
