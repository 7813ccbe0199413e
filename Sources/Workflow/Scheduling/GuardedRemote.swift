// Owns what a run does with a remote that fails: it is asked no more once it has failed several times in a row or hangs,
// and that is said once.

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

  private func calling<T>(
    _ side: WritableKeyPath<State, Side> & Sendable, _ body: (_ heard: () -> Void) throws -> T
  ) throws -> T {
    let number = try state.withLock { state in
      if let error = state[keyPath: side].givenUp { throw error }
      state.lastCall += 1
      state.calls[state.lastCall] = now()
      return state.lastCall
    }
    defer { _ = state.withLock { $0.calls.removeValue(forKey: number) } }
    do {
      let answer = try body { self.state.withLock { $0.calls[number] = self.now() } }
      state.withLock { $0[keyPath: side].failures = 0 }
      return answer
    } catch let error as StoreError where error.isOfRemote {
      state.withLock { state in
        state[keyPath: side].failures += 1
        guard state[keyPath: side].failures == GuardedRemote.tries, state[keyPath: side].givenUp == nil else {
          return
        }
        state[keyPath: side].givenUp = error
        state.notices.append("\(error). It isn't asked again in this run")
      }
      throw error
    }
  }
}

extension StoreError {
  /// Whether a remote failed, the store itself being well.
  var isOfRemote: Bool { if case .remote = self { true } else { false } }
}
