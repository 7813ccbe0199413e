// Owns what is done with a remote that fails: it is asked no more once it isn't there, has failed several times in a row or
// hangs, and that is said once.

import Canonical
import ContentStore
import Synchronization

/// A remote that is given up when it doesn't serve. Reading and writing are given up apart: a remote may be read-only.
package final class GuardedRemote: Remote {
  private let remote: any Remote
  private let now: @Sendable () -> Double
  private let state = Mutex(State())

  /// How often in a row it may fail.
  package static let tries = 3
  /// How long it may stay silent, in seconds.
  package static let patience = 60.0

  private struct State {
    var reading = Side()
    var writing = Side()
    /// When a call was last heard of, by the call's number.
    var calls: [Int: Double] = [:]
    var lastCall = 0
    var notices: [String] = []
  }

  private struct Side {
    var failures = 0
    /// Why it isn't asked any more.
    var givenUp: StoreError?
  }

  package init(_ remote: any Remote, now: @escaping @Sendable () -> Double) {
    self.remote = remote
    self.now = now
  }

  package var description: String { remote.description }
  package var identity: String? { remote.identity }
  package var isReadOnly: Bool { remote.isReadOnly }

  /// Why it isn't read any more; nil while it is.
  package var silence: StoreError? { state.withLock { $0.reading.givenUp } }
  /// Why nothing is put there any more; nil while it is.
  package var refusal: StoreError? { state.withLock { $0.writing.givenUp } }

  /// What there is to say of it that hasn't been said.
  package func takeNotices() -> [String] {
    state.withLock { state in
      defer { state.notices = [] }
      return state.notices
    }
  }

  /// Gives it up if some call hasn't been heard of for a long time; also where it isn't asked any more, for that call was
  /// under way before. True once for what is under way: who waits for it goes on without.
  package func giveUpIfStuck() -> Bool {
    let now = now()
    return state.withLock { state in
      guard let oldest = state.calls.values.min(), now - oldest >= GuardedRemote.patience else {
        return false
      }
      state.calls = [:]
      guard state.reading.givenUp == nil || state.writing.givenUp == nil else { return true }
      let error = StoreError.remote(
        name: remote.description, reason: "no answer for \(Int(GuardedRemote.patience)) s")
      state.notices.append("\(error). It isn't asked again in this run")
      (state.reading.givenUp, state.writing.givenUp) = (error, error)
      return true
    }
  }

  package func record(_ key: Digest, limit: Int) throws -> [UInt8]? {
    try calling(\.reading) { _ in try remote.record(key, limit: limit) }
  }
  package func hasRecord(_ key: Digest) throws -> Bool {
    try calling(\.reading) { _ in try remote.hasRecord(key) }
  }
  package func putRecord(_ text: [UInt8], for key: Digest, replacing: Bool) throws -> Bool {
    try calling(\.writing) { _ in try remote.putRecord(text, for: key, replacing: replacing) }
  }
  package func blob(_ stored: Digest, limit: Int, to sink: ByteSink) throws -> Bool {
    try calling(\.reading) { heard in
      try remote.blob(stored, limit: limit) {
        heard()
        try sink($0)
      }
    }
  }
  package func hasBlob(_ stored: Digest, size: Int) throws -> Bool {
    try calling(\.reading) { _ in try remote.hasBlob(stored, size: size) }
  }
  package func putBlob(_ stored: Digest, size: Int, from source: ByteSource) throws {
    try calling(\.writing) { heard in
      try remote.putBlob(stored, size: size) {
        heard()
        return try source($0)
      }
    }
  }
  package func keys() throws -> [Digest]? { try calling(\.reading) { _ in try remote.keys() } }

  package func records(
    _ keys: [Digest], limit: Int, each: (_ position: Int, Result<[UInt8]?, any Error>) throws -> Void
  ) throws {
    try asking(\.reading, keys.count, each: each) { heard in
      try remote.records(keys, limit: limit) { try each($0, note($1, \.reading, heard)) }
    }
  }
  package func hasRecords(
    _ keys: [Digest], each: (_ position: Int, Result<Bool, any Error>) throws -> Void
  ) throws {
    try asking(\.reading, keys.count, each: each) { heard in
      try remote.hasRecords(keys) { try each($0, note($1, \.reading, heard)) }
    }
  }
  package func putRecords(
    _ offers: [RecordOffer], each: (_ position: Int, Result<Bool, any Error>) throws -> Void
  ) throws {
    try asking(\.writing, offers.count, each: each) { heard in
      try remote.putRecords(offers) { try each($0, note($1, \.writing, heard)) }
    }
  }
  package func blobs(
    _ wishes: [BlobWish], each: (_ position: Int, Result<Bool, any Error>) throws -> Void
  ) throws {
    try asking(\.reading, wishes.count, each: each) { heard in
      try withoutActuallyEscaping(heard) { heard in
        let heeded = wishes.map { wish in
          BlobWish(wish.stored, limit: wish.limit) {
            heard()
            try wish.sink($0)
          }
        }
        try remote.blobs(heeded) { try each($0, note($1, \.reading, heard)) }
      }
    }
  }
  package func hasBlobs(
    _ blobs: [(stored: Digest, size: Int)], each: (_ position: Int, Result<Bool, any Error>) throws -> Void
  ) throws {
    try asking(\.reading, blobs.count, each: each) { heard in
      try remote.hasBlobs(blobs) { try each($0, note($1, \.reading, heard)) }
    }
  }
  package func putBlobs(
    _ offers: [BlobOffer], each: (_ position: Int, Result<Void, any Error>) throws -> Void
  ) throws {
    try asking(\.writing, offers.count, each: each) { heard in
      try withoutActuallyEscaping(heard) { heard in
        let heeded = offers.map { offer in
          BlobOffer(offer.stored, size: offer.size) {
            heard()
            return try offer.source($0)
          }
        }
        try remote.putBlobs(heeded) { try each($0, note($1, \.writing, heard)) }
      }
    }
  }

  private typealias SidePath = WritableKeyPath<State, Side> & Sendable

  /// A call about one thing.
  private func calling<T>(_ side: SidePath, _ body: (_ heard: () -> Void) throws -> T) throws -> T {
    let answer = try asking(side, body)
    state.withLock { $0[keyPath: side].failures = 0 }
    return answer
  }

  /// A call about any number of things; `note` counts what came of each. One that isn't asked any more fails at each.
  private func asking<T>(
    _ side: SidePath, _ count: Int, each: (_ position: Int, Result<T, any Error>) throws -> Void,
    _ body: (_ heard: () -> Void) throws -> Void
  ) throws {
    if count == 0 { return }
    if let error = state.withLock({ $0[keyPath: side].givenUp }) {
      for i in 0..<count { try each(i, .failure(error)) }
      return
    }
    try asking(side, body)
  }

  private func asking<T>(_ side: SidePath, _ body: (_ heard: () -> Void) throws -> T) throws -> T {
    let number = try state.withLock { state in
      if let error = state[keyPath: side].givenUp { throw error }
      state.lastCall += 1
      state.calls[state.lastCall] = now()
      return state.lastCall
    }
    defer { _ = state.withLock { $0.calls.removeValue(forKey: number) } }
    do {
      return try body {
        // One that was given up isn't under way any more.
        self.state.withLock { if $0.calls[number] != nil { $0.calls[number] = self.now() } }
      }
    } catch let error as StoreError where error.isOfRemote {
      count(error, side)
      throw error
    }
  }

  /// Counts what came of one of many.
  private func note<T>(_ result: Result<T, any Error>, _ side: SidePath, _ heard: () -> Void) -> Result<
    T, any Error
  > {
    heard()
    switch result {
    case .failure(let error as StoreError) where error.isOfRemote: count(error, side)
    case .failure: break
    case .success: state.withLock { $0[keyPath: side].failures = 0 }
    }
    return result
  }

  private func count(_ error: StoreError, _ side: SidePath) {
    state.withLock { state in
      if case .remoteAbsent = error {
        // Who isn't there can't be written either.
        guard state.reading.givenUp == nil || state.writing.givenUp == nil else { return }
        if state.reading.givenUp == nil, state.writing.givenUp == nil {
          state.notices.append("\(error). Going on without it")
        }
        (state.reading.givenUp, state.writing.givenUp) = (error, error)
        return
      }
      state[keyPath: side].failures += 1
      guard state[keyPath: side].failures == GuardedRemote.tries, state[keyPath: side].givenUp == nil else {
        return
      }
      state[keyPath: side].givenUp = error
      state.notices.append("\(error). It isn't asked again in this run")
    }
  }
}
