// Owns keeping a remote to what was asked of it: no more bytes than the limit and one, and none that trickle for ever. It
// trusts the remote below for nothing.

import Canonical
import ContentStore
import Foundation

/// Another remote whose answers are bounded in size and time.
package struct BoundedRemote: Remote {
  private let remote: any Remote
  private let now: @Sendable () -> Double

  /// Seconds that everything may take, whatever its size.
  static let grace = 60.0
  /// Bytes a second that it has to come to beyond that.
  static let slowest = 10_000.0

  package init(
    _ remote: any Remote,
    now: @escaping @Sendable () -> Double = { Double(DispatchTime.now().uptimeNanoseconds) / 1e9 }
  ) {
    (self.remote, self.now) = (remote, now)
  }

  package var description: String { remote.description }
  package var identity: String? { remote.identity }
  package var isReadOnly: Bool { remote.isReadOnly }

  package func keys() throws -> [Digest]? { try remote.keys() }
  package func record(_ key: Digest, limit: Int) throws -> [UInt8]? {
    try bounded(remote.record(key, limit: bounded(limit)), bounded(limit))
  }
  package func hasRecord(_ key: Digest) throws -> Bool { try remote.hasRecord(key) }
  package func putRecord(_ text: [UInt8], for key: Digest, replacing: Bool) throws -> Bool {
    try remote.putRecord(text, for: key, replacing: replacing)
  }
  package func blob(_ stored: Digest, limit: Int, to sink: ByteSink) throws -> Bool {
    try withoutActuallyEscaping(sink) { try remote.blob(stored, limit: limit, to: bounded($0, limit)) }
  }
  package func hasBlob(_ stored: Digest, size: Int) throws -> Bool { try remote.hasBlob(stored, size: size) }
  package func putBlob(_ stored: Digest, size: Int, from source: ByteSource) throws {
    try withoutActuallyEscaping(source) { try remote.putBlob(stored, size: size, from: bounded($0)) }
  }

  package func records(
    _ keys: [Digest], limit: Int, each: (_ position: Int, Result<[UInt8]?, any Error>) throws -> Void
  ) throws {
    let limit = bounded(limit)
    try remote.records(keys, limit: limit) { i, result in
      try each(i, Result { try bounded(result.get(), limit) })
    }
  }
  package func hasRecords(
    _ keys: [Digest], each: (_ position: Int, Result<Bool, any Error>) throws -> Void
  ) throws { try remote.hasRecords(keys, each: each) }
  package func putRecords(
    _ offers: [RecordOffer], each: (_ position: Int, Result<Bool, any Error>) throws -> Void
  ) throws { try remote.putRecords(offers, each: each) }
  package func blobs(
    _ wishes: [BlobWish], each: (_ position: Int, Result<Bool, any Error>) throws -> Void
  ) throws {
    try remote.blobs(
      wishes.map { BlobWish($0.stored, limit: $0.limit, to: bounded($0.sink, $0.limit)) }, each: each)
  }
  package func hasBlobs(
    _ blobs: [(stored: Digest, size: Int)], each: (_ position: Int, Result<Bool, any Error>) throws -> Void
  ) throws { try remote.hasBlobs(blobs, each: each) }
  package func putBlobs(
    _ offers: [BlobOffer], each: (_ position: Int, Result<Void, any Error>) throws -> Void
  ) throws {
    try remote.putBlobs(
      offers.map { BlobOffer($0.stored, size: $0.size, from: bounded($0.source)) }, each: each)
  }

  /// No record is longer than this, whoever asks.
  private func bounded(_ limit: Int) -> Int { min(limit, SignedText.longest) }

  private func bounded(_ text: [UInt8]?, _ limit: Int) throws -> [UInt8]? {
    guard text?.count ?? 0 <= limit else { throw StoreError.record(reason: "longer than \(limit) bytes") }
    return text
  }

  private func bounded(_ sink: @escaping ByteSink, _ limit: Int) -> ByteSink {
    var began: Double?
    var bytes = 0
    return { piece in
      bytes += piece.count
      guard bytes <= limit + 1 else {
        throw StoreError.remote(name: description, reason: "it sends more than was asked for")
      }
      try check(bytes, since: &began)
      try sink(piece)
    }
  }

  private func bounded(_ source: @escaping ByteSource) -> ByteSource {
    var began: Double?
    var bytes = 0
    return { buffer in
      try check(bytes, since: &began)
      let n = try source(buffer)
      bytes += n
      return n
    }
  }

  private func check(_ bytes: Int, since began: inout Double?) throws {
    let seconds = now() - (began ?? now())
    began = began ?? now()
    guard seconds <= BoundedRemote.grace + Double(bytes) / BoundedRemote.slowest else {
      throw StoreError.remote(
        name: description, reason: "\(bytes) bytes in \(Int(seconds)) s are too few; it was left")
    }
  }
}
