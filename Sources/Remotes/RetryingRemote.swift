// Owns trying again what may pass: cut off, stalled, or a server that is busy. Of a blob, what came before isn't handed
// on twice; what was read from a source is sent again only while it is small enough to have been kept.

import Canonical
import ContentStore
import Foundation

/// Another remote that is asked again, after pauses that double, where that may do better. It is asked for all of a batch
/// before anything is tried again, and for nothing again once it is away.
package struct RetryingRemote: Remote {
  private let remote: any Remote
  private let tries: Int
  private let pause: Double
  private let sleep: @Sendable (Double) -> Void

  /// The longest pause, whatever a server wishes, in seconds.
  package static let longestPause = 10.0
  /// What is kept of what was read from sources: of one at most this, and in a batch at most 16 times as much.
  static let mostKept = 1 << 20

  /// - Parameters:
  ///   - tries: how often something is tried in all.
  ///   - pause: seconds before the second time.
  ///   - sleep: waits so many seconds.
  package init(
    _ remote: any Remote, tries: Int = 4, pause: Double = 0.5,
    sleep: @escaping @Sendable (Double) -> Void = { Thread.sleep(forTimeInterval: $0) }
  ) {
    (self.remote, self.tries, self.pause, self.sleep) = (remote, tries, pause, sleep)
  }

  package var description: String { remote.description }
  package var identity: String? { remote.identity }
  package var isReadOnly: Bool { remote.isReadOnly }

  package func keys() throws -> [Digest]? { try trying { try remote.keys() } }
  package func record(_ key: Digest, limit: Int) throws -> [UInt8]? {
    try trying { try remote.record(key, limit: limit) }
  }
  package func hasRecord(_ key: Digest) throws -> Bool { try trying { try remote.hasRecord(key) } }
  package func putRecord(_ text: [UInt8], for key: Digest, replacing: Bool) throws -> Bool {
    try trying { try remote.putRecord(text, for: key, replacing: replacing) }
  }
  package func blob(_ stored: Digest, limit: Int, to sink: ByteSink) throws -> Bool {
    try withoutActuallyEscaping(sink) { sink in
      let resumed = ResumedSink(sink)
      return try trying {
        resumed.begin()
        return try remote.blob(stored, limit: limit, to: resumed.take)
      }
    }
  }
  package func hasBlob(_ stored: Digest, size: Int) throws -> Bool {
    try trying { try remote.hasBlob(stored, size: size) }
  }
  package func putBlob(_ stored: Digest, size: Int, from source: ByteSource) throws {
    try withoutActuallyEscaping(source) { source in
      let replayed = ReplayedSource(source, Allowance(RetryingRemote.mostKept))
      try trying(if: { replayed.begin() }) {
        try remote.putBlob(stored, size: size, from: replayed.give)
      }
    }
  }

  package func records(
    _ keys: [Digest], limit: Int, each: (_ position: Int, Result<[UInt8]?, any Error>) throws -> Void
  ) throws {
    try trying(keys, { try remote.records($0, limit: limit, each: $1) }, each: each)
  }
  package func hasRecords(
    _ keys: [Digest], each: (_ position: Int, Result<Bool, any Error>) throws -> Void
  ) throws {
    try trying(keys, { try remote.hasRecords($0, each: $1) }, each: each)
  }
  package func putRecords(
    _ offers: [RecordOffer], each: (_ position: Int, Result<Bool, any Error>) throws -> Void
  ) throws {
    try trying(offers, { try remote.putRecords($0, each: $1) }, each: each)
  }
  package func blobs(
    _ wishes: [BlobWish], each: (_ position: Int, Result<Bool, any Error>) throws -> Void
  ) throws {
    let sinks = wishes.map { ResumedSink($0.sink) }
    let resumed = wishes.indices.map {
      BlobWish(wishes[$0].stored, limit: wishes[$0].limit, to: sinks[$0].take)
    }
    try trying(
      resumed, { try remote.blobs($0, each: $1) },
      if: {
        sinks[$0].begin()
        return true
      }, each: each)
  }
  package func hasBlobs(
    _ blobs: [(stored: Digest, size: Int)], each: (_ position: Int, Result<Bool, any Error>) throws -> Void
  ) throws {
    try trying(blobs, { try remote.hasBlobs($0, each: $1) }, each: each)
  }
  package func putBlobs(
    _ offers: [BlobOffer], each: (_ position: Int, Result<Void, any Error>) throws -> Void
  ) throws {
    let allowance = Allowance(16 * RetryingRemote.mostKept)
    let sources = offers.map { ReplayedSource($0.source, allowance) }
    let replayed = offers.indices.map {
      BlobOffer(offers[$0].stored, size: offers[$0].size, from: sources[$0].give)
    }
    try trying(
      replayed, { try remote.putBlobs($0, each: $1) }, if: { sources[$0].begin() },
      each: {
        sources[$0].end()
        try each($0, $1)
      })
  }

  /// - Parameter canRepeat: asked before another try.
  private func trying<T>(if canRepeat: () -> Bool = { true }, _ body: () throws -> T) throws -> T {
    var attempt = 1
    while true {
      do { return try body() } catch let fault as Passing {
        guard attempt < tries, canRepeat() else { throw fault.error }
        wait(attempt, fault.after)
        attempt += 1
      }
    }
  }

  private func trying<Item, T>(
    _ items: [Item], _ ask: @escaping ([Item], (Int, Result<T, any Error>) throws -> Void) throws -> Void,
    if canRepeat: (_ position: Int) -> Bool = { _ in true },
    each: (_ position: Int, Result<T, any Error>) throws -> Void
  ) throws {
    var positions = Array(items.indices)
    var attempt = 1
    while true {
      var failed: [(position: Int, fault: Passing)] = []
      var isAway = false
      try ask(positions.map { items[$0] }) { i, result in
        switch result {
        case .failure(let fault as Passing): failed.append((positions[i], fault))
        case .failure(StoreError.remoteAbsent):
          isAway = true
          try each(positions[i], result)
        default: try each(positions[i], result)
        }
      }
      positions = []
      for (position, fault) in failed {
        if attempt < tries, !isAway, canRepeat(position) {
          positions.append(position)
        } else {
          try each(position, .failure(fault.error))
        }
      }
      guard !positions.isEmpty else { return }
      wait(attempt, failed.compactMap(\.fault.after).max())
      attempt += 1
    }
  }

  /// Waits after the first, second … attempt.
  private func wait(_ attempt: Int, _ wish: Double?) {
    sleep(min(RetryingRemote.longestPause, max(wish ?? 0, pause * Double(1 << (attempt - 1)))))
  }
}

/// A sink that gets each byte once, however often the bytes begin anew.
private final class ResumedSink {
  private let sink: ByteSink
  private var taken = 0
  private var position = 0

  init(_ sink: @escaping ByteSink) { self.sink = sink }

  func begin() { position = 0 }

  func take(_ bytes: UnsafeRawBufferPointer) throws {
    let known = min(bytes.count, taken - position)
    position += bytes.count
    guard known < bytes.count else { return }
    taken = position
    try sink(UnsafeRawBufferPointer(rebasing: bytes[known...]))
  }
}

/// How many bytes may be kept for another try.
private final class Allowance {
  var left: Int
  init(_ bytes: Int) { left = bytes }
}

/// A source that can be read again from its beginning, as long as what was read is small.
private final class ReplayedSource {
  private let source: ByteSource
  private let allowance: Allowance
  private var kept: [UInt8] = []
  private var position = 0
  /// Whether all that was read has been kept.
  private var isWhole = true

  init(_ source: @escaping ByteSource, _ allowance: Allowance) {
    (self.source, self.allowance) = (source, allowance)
  }

  /// Whether it begins anew.
  func begin() -> Bool {
    position = 0
    return isWhole
  }

  /// Keeps nothing any longer.
  func end() {
    allowance.left += kept.count
    kept = []
    isWhole = false
  }

  func give(_ buffer: UnsafeMutableRawBufferPointer) throws -> Int {
    if position < kept.count {
      let n = min(buffer.count, kept.count - position)
      buffer.copyBytes(from: kept[position..<position + n])
      position += n
      return n
    }
    let n = try source(buffer)
    if isWhole {
      if n <= allowance.left, kept.count + n <= RetryingRemote.mostKept {
        allowance.left -= n
        kept.append(contentsOf: buffer[..<n])
        position += n
      } else {
        end()
      }
    }
    return n
  }
}
