// Owns keeping what is only to be read from being written to.

import Canonical
import ContentStore

/// Another remote to which nothing is put: what would be fails, and the remote isn't asked.
public struct ReadOnlyRemote: Remote {
  private let remote: any Remote

  public init(_ remote: any Remote) { self.remote = remote }

  public var description: String { remote.description }
  public var identity: String? { remote.identity }
  public var isReadOnly: Bool { true }

  private var refusal: StoreError {
    .remote(name: description, reason: "it is read-only here, so nothing is put there")
  }

  public func putRecord(_ text: [UInt8], for key: Digest, replacing: Bool) throws -> Bool { throw refusal }
  public func putBlob(_ stored: Digest, size: Int, from source: ByteSource) throws { throw refusal }
  public func putRecords(
    _ offers: [RecordOffer], each: (_ position: Int, Result<Bool, any Error>) throws -> Void
  ) throws { for i in offers.indices { try each(i, .failure(refusal)) } }
  public func putBlobs(
    _ offers: [BlobOffer], each: (_ position: Int, Result<Void, any Error>) throws -> Void
  ) throws { for i in offers.indices { try each(i, .failure(refusal)) } }

  public func keys() throws -> [Digest]? { try remote.keys() }
  public func record(_ key: Digest, limit: Int) throws -> [UInt8]? { try remote.record(key, limit: limit) }
  public func hasRecord(_ key: Digest) throws -> Bool { try remote.hasRecord(key) }
  public func blob(_ stored: Digest, limit: Int, to sink: ByteSink) throws -> Bool {
    try remote.blob(stored, limit: limit, to: sink)
  }
  public func hasBlob(_ stored: Digest, size: Int) throws -> Bool { try remote.hasBlob(stored, size: size) }
  public func records(
    _ keys: [Digest], limit: Int, each: (_ position: Int, Result<[UInt8]?, any Error>) throws -> Void
  ) throws { try remote.records(keys, limit: limit, each: each) }
  public func hasRecords(
    _ keys: [Digest], each: (_ position: Int, Result<Bool, any Error>) throws -> Void
  ) throws { try remote.hasRecords(keys, each: each) }
  public func blobs(
    _ wishes: [BlobWish], each: (_ position: Int, Result<Bool, any Error>) throws -> Void
  ) throws { try remote.blobs(wishes, each: each) }
  public func hasBlobs(
    _ blobs: [(stored: Digest, size: Int)], each: (_ position: Int, Result<Bool, any Error>) throws -> Void
  ) throws { try remote.hasBlobs(blobs, each: each) }
}
