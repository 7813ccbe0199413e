// Owns counting the bytes that come from a remote, and breaking off while they come.

import Canonical
import ContentStore
import Synchronization

/// Another remote whose blobs are counted as they arrive.
final class CountingRemote: Remote {
  private let remote: any Remote
  private let state = Mutex<(bytes: Int, tell: (@Sendable (Int) throws -> Void)?)>((0, nil))

  init(_ remote: any Remote) { self.remote = remote }

  /// From now on `tell` gets the bytes that have come; when it throws, the blob that comes is left.
  func tell(_ tell: @escaping @Sendable (Int) throws -> Void) { state.withLock { $0 = (0, tell) } }

  var description: String { "\(remote)" }
  var identity: String? { remote.identity }

  func blob(_ stored: Digest, limit: Int, to sink: ByteSink) throws -> Bool {
    try withoutActuallyEscaping(sink) { try remote.blob(stored, limit: limit, to: counting($0)) }
  }
  func blobs(_ wishes: [BlobWish], each: (_ position: Int, Result<Bool, any Error>) throws -> Void) throws {
    try remote.blobs(
      wishes.map { BlobWish($0.stored, limit: $0.limit, to: counting($0.sink)) }, each: each)
  }

  private func counting(_ sink: @escaping ByteSink) -> ByteSink {
    { [self] bytes in
      let (count, tell) = state.withLock { state in
        state.bytes += bytes.count
        return state
      }
      try tell?(count)
      try sink(bytes)
    }
  }

  func record(_ key: Digest, limit: Int) throws -> [UInt8]? { try remote.record(key, limit: limit) }
  func hasRecord(_ key: Digest) throws -> Bool { try remote.hasRecord(key) }
  func putRecord(_ text: [UInt8], for key: Digest, replacing: Bool) throws -> Bool {
    try remote.putRecord(text, for: key, replacing: replacing)
  }
  func hasBlob(_ stored: Digest, size: Int) throws -> Bool { try remote.hasBlob(stored, size: size) }
  func putBlob(_ stored: Digest, size: Int, from source: ByteSource) throws {
    try remote.putBlob(stored, size: size, from: source)
  }
  func keys() throws -> [Digest]? { try remote.keys() }

  func records(
    _ keys: [Digest], limit: Int, each: (_ position: Int, Result<[UInt8]?, any Error>) throws -> Void
  ) throws { try remote.records(keys, limit: limit, each: each) }
  func hasRecords(
    _ keys: [Digest], each: (_ position: Int, Result<Bool, any Error>) throws -> Void
  ) throws { try remote.hasRecords(keys, each: each) }
  func putRecords(
    _ offers: [RecordOffer], each: (_ position: Int, Result<Bool, any Error>) throws -> Void
  ) throws { try remote.putRecords(offers, each: each) }
  func hasBlobs(
    _ blobs: [(stored: Digest, size: Int)], each: (_ position: Int, Result<Bool, any Error>) throws -> Void
  ) throws { try remote.hasBlobs(blobs, each: each) }
  func putBlobs(
    _ offers: [BlobOffer], each: (_ position: Int, Result<Void, any Error>) throws -> Void
  ) throws { try remote.putBlobs(offers, each: each) }
}
