import Canonical
import ContentStore
import Foundation
import Synchronization
import Testing

import Remotes

/// What remotes are made of others by.
@Suite struct DecoratorTests {
  private let key = Digest.of("key".utf8)

  @Test func nothingIsPutToAReadOnlyRemote() throws {
    let scratch = try Scratch()
    let below = try DirectoryRemote(at: scratch["remote"])
    let bytes = noise(1000)
    try below.put(bytes)
    _ = try below.putRecord([1], for: key, replacing: false)
    let remote = ReadOnlyRemote(below)
    #expect(RetryingRemote(BoundedRemote(remote)).isReadOnly && !below.isReadOnly)
    let refusal = StoreError.remote(
      name: scratch["remote"].path, reason: "it is read-only here, so nothing is put there")
    #expect(throws: refusal) { try remote.put([2]) }
    #expect(throws: refusal) { try remote.putRecord([2], for: key, replacing: true) }
    var count = 0
    let refused = { (result: Result<Void, any Error>) in
      count += 1
      #expect(throws: refusal) { try result.get() }
    }
    try remote.putBlobs([
      BlobOffer(key, size: 1, from: pieces([1])), BlobOffer(key, size: 1, from: pieces([1])),
    ]) {
      refused($1)
    }
    try remote.putRecords([RecordOffer([1], for: key, replacing: true)]) { refused($1.map { _ in }) }
    #expect(count == 3)
    // And it is read as before.
    #expect(try remote.get(Digest.of(bytes), limit: 1000) == bytes)
    #expect(try remote.record(key, limit: 10) == [1])
    #expect(try remote.hasRecord(key) && remote.hasBlob(Digest.of(bytes), size: 1000))
    #expect(try remote.keys() == [key])
    #expect(remote.identity == below.identity && remote.identity != nil)
  }

  @Test func moreThanWasAskedForIsNotTaken() throws {
    let remote = BoundedRemote(Babbling())
    var count = 0
    let sink: ByteSink = { count += $0.count }
    let problem = #expect(throws: StoreError.self) { try remote.blob(key, limit: 2500, to: sink) }
    #expect("\(problem!)" == "remote babbling://: it sends more than was asked for")
    #expect(count == 2000)
    try remote.blobs([BlobWish(key, limit: 500, to: sink)]) { _, answer in
      #expect(throws: StoreError.self) { try answer.get() }
    }
    #expect(count == 2000)
    #expect(throws: StoreError.record(reason: "longer than 10 bytes")) { try remote.record(key, limit: 10) }
    // Whatever whoever asks believes.
    #expect(throws: StoreError.record(reason: "longer than \(SignedText.longest) bytes")) {
      try remote.record(key, limit: .max)
    }
    try remote.records([key, key], limit: 10) { _, answer in
      #expect(throws: StoreError.record(reason: "longer than 10 bytes")) { try answer.get() }
    }
  }

  @Test func whatTricklesIsLeft() throws {
    let clock = Mutex(0.0)
    let remote = BoundedRemote(Babbling()) { clock.withLock { $0 } }
    var pieces = 0
    let trickling: ByteSink = { _ in
      pieces += 1
      clock.withLock { $0 += 10 }
    }
    let problem = #expect(throws: StoreError.self) { try remote.blob(key, limit: 1 << 30, to: trickling) }
    // A minute, and 0.1 s for each piece of 1000 bytes.
    #expect(pieces == 7)
    #expect("\(problem!)" == "remote babbling://: 8000 bytes in 70 s are too few; it was left")
    // So much as is usual may take its time.
    pieces = 0
    let brisk: ByteSink = { _ in
      pieces += 1
      clock.withLock { $0 += 0.05 }
      if pieces == 5000 { throw CancellationError() }
    }
    #expect(throws: CancellationError.self) { try remote.blob(key, limit: 1 << 30, to: brisk) }
    let slow: ByteSource = {
      clock.withLock { $0 += 10 }
      return min(1, $0.count)
    }
    #expect(throws: StoreError.self) { try remote.putBlob(key, size: 1000, from: slow) }
  }
}

/// A remote that gives more than it is asked for, and takes as much.
private struct Babbling: Remote {
  var description: String { "babbling://" }

  func record(_ key: Digest, limit: Int) throws -> [UInt8]? {
    [UInt8](repeating: 0, count: limit == SignedText.longest ? limit + 1 : 100)
  }
  func blob(_ stored: Digest, limit: Int, to sink: ByteSink) throws -> Bool {
    let piece = [UInt8](repeating: 0, count: 1000)
    while true { try piece.withUnsafeBytes(sink) }
  }
  func putBlob(_ stored: Digest, size: Int, from source: ByteSource) throws {
    var buffer = [UInt8](repeating: 0, count: 1000)
    while try buffer.withUnsafeMutableBytes(source) > 0 {}
  }
  func hasRecord(_ key: Digest) throws -> Bool { true }
  func putRecord(_ text: [UInt8], for key: Digest, replacing: Bool) throws -> Bool { true }
  func hasBlob(_ stored: Digest, size: Int) throws -> Bool { true }
  func keys() throws -> [Digest]? { nil }
}
