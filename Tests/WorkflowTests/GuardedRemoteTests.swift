import Canonical
import ContentStore
import Foundation
import Synchronization
import Testing
import Workflow

/// When a remote is asked no more.
@Suite struct GuardedRemoteTests {
  private let clock = Clock()
  private let remote = FaultyRemote()
  private let key = Digest.of("key".utf8)
  private var guarded: GuardedRemote { GuardedRemote(remote) { [clock] in clock.now } }

  @Test(
    "A19: a remote that doesn't answer is given up after a while, for reading and writing, and said to be so once"
  )
  func silenceIsBounded() throws {
    let guarded = guarded
    let key = key
    remote.manner = .hanging
    let reader = Thread { _ = try? guarded.record(key, limit: 1000) }
    reader.start()
    remote.waitForCall()
    #expect(!guarded.giveUpIfStuck())
    clock.now = GuardedRemote.patience - 0.5
    #expect(!guarded.giveUpIfStuck())
    #expect(guarded.silence == nil && guarded.refusal == nil)
    clock.now = GuardedRemote.patience
    #expect(guarded.giveUpIfStuck())
    #expect(guarded.silence != nil && guarded.refusal != nil)
    #expect(
      guarded.takeNotices() == ["remote faulty://: no answer for 60 s. It isn't asked again in this run"])
    // Nobody else waits for it.
    #expect(throws: StoreError.self) { try guarded.record(key, limit: 1000) }
    #expect(throws: StoreError.self) { try guarded.putRecord([], for: key, replacing: false) }
    #expect(remote.calls == 1)
    #expect(!guarded.giveUpIfStuck())
    #expect(guarded.takeNotices() == [])
    remote.release()
  }

  @Test func aCallThatHangsIsGivenUpThoughNothingIsAskedAnyMore() throws {
    let guarded = guarded
    let key = key
    remote.manner = .hanging
    let reader = Thread { _ = try? guarded.record(key, limit: 1000) }
    reader.start()
    remote.waitForCall()
    remote.manner = .failing
    for _ in 0..<GuardedRemote.tries {
      #expect(throws: StoreError.self) { try guarded.hasRecord(key) }
      #expect(throws: StoreError.self) { try guarded.putRecord([], for: key, replacing: false) }
    }
    #expect(guarded.silence != nil && guarded.refusal != nil)
    clock.now = GuardedRemote.patience
    #expect(guarded.giveUpIfStuck())
    #expect(!guarded.giveUpIfStuck())
    remote.release()
  }

  @Test func whoIsHeardOfIsNotSilent() throws {
    let guarded = guarded
    let clock = clock
    remote.manner = .slow { clock.now += GuardedRemote.patience - 1 }
    var pieces = 0
    let isThere = try guarded.blob(key, limit: 1000) { _ in
      pieces += 1
      #expect(!guarded.giveUpIfStuck())
    }
    #expect(isThere && pieces == 3)
    // And nobody waits for it any more.
    clock.now += 10 * GuardedRemote.patience
    #expect(!guarded.giveUpIfStuck())
    #expect(guarded.silence == nil)
  }

  @Test func failuresInARowAreBoundedForReadingAndWritingApart() throws {
    let guarded = guarded
    remote.manner = .failing
    func read() { #expect(throws: StoreError.self) { try guarded.hasRecord(key) } }
    for _ in 1..<GuardedRemote.tries { read() }
    // One answer, and the count begins afresh.
    remote.manner = .well
    #expect(try guarded.hasRecord(key))
    remote.manner = .failing
    for _ in 0..<GuardedRemote.tries {
      #expect(guarded.silence == nil)
      read()
    }
    #expect(guarded.silence != nil)
    #expect(guarded.takeNotices() == ["remote faulty://: no connection. It isn't asked again in this run"])
    let calls = remote.calls
    read()
    #expect(remote.calls == calls)
    // It may still be written.
    remote.manner = .well
    #expect(guarded.refusal == nil)
    #expect(try guarded.putRecord([], for: key, replacing: false))
  }

  @Test func oneThatIsNotThereIsGivenUpAtOnceForReadingAndWritingAndThatIsSaidOnce() throws {
    let guarded = guarded
    remote.manner = .absent
    for _ in 0..<3 {
      #expect(throws: StoreError.self) { try guarded.hasRecord(key) }
      #expect(throws: StoreError.self) { try guarded.putRecord([], for: key, replacing: false) }
    }
    #expect(remote.calls == 1)
    #expect(
      guarded.takeNotices() == ["remote faulty:// is not there: no connection. Going on without it"])
  }

  @Test func whatFailsAmongManyCountsOneByOneAndTheRestIsAsked() throws {
    let guarded = guarded
    remote.manner = .failing
    var failures = 0
    try guarded.hasRecords(Array(repeating: key, count: 5)) { _, result in
      if case .failure = result { failures += 1 }
    }
    #expect(failures == 5 && remote.calls == 5)
    #expect(guarded.silence != nil && guarded.refusal == nil)
    #expect(guarded.takeNotices().count == 1)
    try guarded.hasRecords([key]) { _, result in #expect(throws: StoreError.self) { try result.get() } }
    #expect(remote.calls == 5)
  }

  @Test func whatIsNoFaultOfTheRemotesDoesNotCount() throws {
    let guarded = guarded
    remote.manner = .wrong
    for _ in 0..<5 { #expect(throws: StoreError.self) { try guarded.hasRecord(key) } }
    #expect(guarded.silence == nil)
    #expect(remote.calls == 5)
  }
}

/// A clock that stands still.
private final class Clock: Sendable {
  private let time = Mutex(0.0)
  var now: Double {
    get { time.withLock { $0 } }
    set { time.withLock { $0 = newValue } }
  }
}

/// A remote that behaves as it is told.
private final class FaultyRemote: Remote, @unchecked Sendable {
  enum Manner {
    case well
    case failing
    case absent
    /// Says something that it shouldn't.
    case wrong
    /// Never answers.
    case hanging
    /// Answers in three pieces; what happens before each.
    case slow(() -> Void)
  }

  var manner = Manner.well
  private(set) var calls = 0
  private let called = DispatchSemaphore(value: 0)
  private let released = DispatchSemaphore(value: 0)

  var description: String { "faulty://" }

  func waitForCall() { called.wait() }
  func release() { released.signal() }

  private func call() throws {
    calls += 1
    switch manner {
    case .well, .slow: break
    case .failing: throw StoreError.remote(name: description, reason: "no connection")
    case .absent: throw StoreError.remoteAbsent(name: description, reason: "no connection")
    case .wrong: throw StoreError.record(reason: "not an object")
    case .hanging:
      called.signal()
      released.wait()
    }
  }

  func record(_ key: Digest, limit: Int) throws -> [UInt8]? {
    try call()
    return nil
  }
  func hasRecord(_ key: Digest) throws -> Bool {
    try call()
    return true
  }
  func putRecord(_ text: [UInt8], for key: Digest, replacing: Bool) throws -> Bool {
    try call()
    return true
  }
  func blob(_ stored: Digest, limit: Int, to sink: ByteSink) throws -> Bool {
    try call()
    guard case .slow(let wait) = manner else { return false }
    for byte in UInt8(0)..<3 {
      wait()
      try withUnsafeBytes(of: byte, sink)
    }
    return true
  }
  func hasBlob(_ stored: Digest, size: Int) throws -> Bool {
    try call()
    return false
  }
  func putBlob(_ stored: Digest, size: Int, from source: ByteSource) throws { try call() }
  func keys() throws -> [Digest]? { nil }
}
