import Canonical
import ContentStore
import Foundation
import Testing

/// Who computes what, when several runs are at work in one store.
@Suite struct LeasesTests {
  let scratch = try! Scratch()
  private let keys = (0..<4).map { Digest.of("key \($0)".utf8) }

  /// A store opened anew, as another process would, and a run in it.
  private func driver() throws -> (store: Store, run: RunID) {
    let store = try Store.open(at: scratch["store"])
    return (store, try store.beginRun(project: "/p", file: "p.yaml", commandLine: []))
  }

  private func end(_ driver: (store: Store, run: RunID)) throws {
    try driver.store.endRun(
      driver.run, outcome: RunOutcome(exitStatus: 0, executed: 0, cached: 0, failed: 0, skipped: 0))
  }

  private func holder(_ driver: (store: Store, run: RunID)) -> LeaseHolder {
    LeaseHolder(run: driver.run, process: Int(getpid()))
  }

  @Test func aLeaseIsOneRunsUntilItIsGivenBackOrTheRunEnds() throws {
    let (a, b) = (try driver(), try driver())
    #expect(
      try a.store.lease(Array(keys[0...1]), to: a.run)
        == [keys[0]: .granted(fence: 1), keys[1]: .granted(fence: 1)])
    #expect(
      try b.store.lease(Array(keys[1...2]), to: b.run)
        == [keys[1]: .held(holder(a)), keys[2]: .granted(fence: 1)])
    // What a run has it gets again: its worker was lost.
    #expect(try a.store.lease([keys[0]], to: a.run) == [keys[0]: .granted(fence: 1)])
    #expect(try a.store.leases(besides: a.run) == [keys[2]: holder(b)])
    #expect(try a.store.leases().count == 3)
    // Nobody gives back what is another's.
    try b.store.release([keys[0]], of: b.run)
    #expect(try b.store.lease([keys[0]], to: b.run) == [keys[0]: .held(holder(a))])
    try a.store.release([keys[0]], of: a.run)
    #expect(try b.store.lease([keys[0]], to: b.run) == [keys[0]: .granted(fence: 1)])
    try end(a)
    #expect(try b.store.lease([keys[1]], to: b.run) == [keys[1]: .granted(fence: 1)])
  }

  @Test func drivesWithKeysInOppositeOrderGetEachSomeAndNobodyWaits() throws {
    let (a, b) = (try driver(), try driver())
    let ofA = try a.store.lease(Array(keys[0...1]), to: a.run)
    let ofB = try b.store.lease(keys.reversed(), to: b.run)
    #expect(ofA.values.allSatisfy { $0 == .granted(fence: 1) })
    #expect(keys.map { ofB[$0]! == .held(holder(a)) } == [true, true, false, false])
  }

  @Test func whatHasARecordIsNotLeasedUnlessItIsToBeMadeAgain() throws {
    let a = try driver()
    let record = try a.store.publish(prose(100), as: "done")
    let answer = try a.store.lease([record.key, keys[0]], to: a.run)
    #expect(answer[record.key] == .finished(KnownOutputs(record)))
    #expect(answer[keys[0]] == .granted(fence: 1))
    #expect(
      try a.store.lease([record.key], to: a.run, regardless: [record.key])
        == [record.key: .granted(fence: 1)])
  }

  @Test func aRecordEndsItsLease() throws {
    let (a, b) = (try driver(), try driver())
    let (record, blob) = try sample("x")
    _ = try a.store.lease([record.key], to: a.run)
    #expect(
      try a.store.publish(record, blobs: [blob], noting: (a.run, "x")) == .published)
    #expect(try b.store.leases().isEmpty)
    #expect(try b.store.lease([record.key], to: b.run) == [record.key: .finished(KnownOutputs(record))])
  }

  /// A driver that is taken for dead, because somebody removed its file, has a successor: what it makes then counts
  /// for nothing.
  @Test func whoHasLostItsLeaseCannotPublishOverItsSuccessor() throws {
    let (a, b) = (try driver(), try driver())
    let (record, blob) = try sample("of a zombie")
    _ = try a.store.lease([record.key], to: a.run)
    try FileManager.default.removeItem(at: scratch["store/running/\(a.run)"])
    #expect(try b.store.lease([record.key], to: b.run) == [record.key: .granted(fence: 2)])
    #expect(try a.store.publish(record, blobs: [blob], noting: (a.run, "x")) == .leased(holder(b)))
    #expect(try b.store.record(for: record.key) == nil)
    #expect(try b.store.publish(record, blobs: [blob], noting: (b.run, "x")) == .published)
  }

  @Test func theLeaseOfAKilledProcessPassesOnAtOnceAndThatOfAStoppedOneDoesNot() async throws {
    let path = scratch["store"].path
    let file = scratch["process"].path
    let me = try driver()
    async let dies: ExitTest.Result? = #expect(processExitsWith: .signal(SIGKILL)) {
      [path = path as String, file = file as String] in
      let store = try Store.open(at: URL(fileURLWithPath: path))
      let run = try store.beginRun(project: "/p", file: "p.yaml", commandLine: [])
      _ = try store.lease([Digest.of("key 0".utf8)], to: run)
      try Data("\(getpid())\n".utf8).write(to: URL(fileURLWithPath: file), options: .atomic)
      kill(getpid(), SIGSTOP)
      while true { sleep(1) }
    }
    var process: pid_t?
    while process == nil {
      process = (try? String(contentsOfFile: file, encoding: .utf8)).flatMap { pid_t($0.dropLast()) }
      try await Task.sleep(for: .milliseconds(5))
    }
    // Whatever time passes while it is stopped.
    for _ in 0..<20 {
      guard case .held(let holder)? = try me.store.lease([keys[0]], to: me.run)[keys[0]] else {
        Issue.record("the lease of a living process was broken")
        break
      }
      #expect(holder.process == Int(process!))
      try await Task.sleep(for: .milliseconds(5))
    }
    kill(process!, SIGKILL)
    _ = await dies
    #expect(try me.store.lease([keys[0]], to: me.run) == [keys[0]: .granted(fence: 2)])
  }

  private func sample(_ name: String) throws -> (Record, WrittenBlob) {
    let blob = try BlobWriter(store: scratch["store"]).write(bytes: prose(100))
    let record = Record(
      action: ["kind": .string(name)], artifacts: ["out": blob.artifact], blobs: [blob.form], facts: [:])
    return (record, blob)
  }
}
