import Canonical
import ContentStore
import Foundation
import Testing
import Workflow

/// A run beside another driver of its store.
@Suite struct LeasingTests {
  /// Another driver: the store opened anew, with a run of its own.
  private final class Other {
    let store: Store
    let run: RunID

    init(_ project: Project) throws {
      store = try Store.open(at: project.store.directory)
      run = try store.beginRun(project: project.root.path, file: "toy.yaml", commandLine: [])
    }

    /// Computes a number.
    func publish(_ action: JSON, _ text: String) throws {
      let blob = try BlobWriter(store: store.directory).write(bytes: Array(text.utf8))
      let record = Record(
        action: action, artifacts: ["number": blob.artifact], blobs: [blob.form], facts: ["host": "other"])
      #expect(try store.publish(record, blobs: [blob], replacing: true, noting: (run, "a")) != .leased(own))
    }

    var own: LeaseHolder { LeaseHolder(run: run, process: Int(getpid())) }

    func die() throws {
      try store.endRun(
        run, outcome: RunOutcome(exitStatus: 1, executed: 0, cached: 0, failed: 0, skipped: 0))
    }
  }

  /// a → odd, and b beside them.
  private func project() throws -> Project {
    let project = try Project()
    try project.add("a", "number", ["value": 3])
    try project.add("odd", "parity", inputs: ["number": ["a"]])
    try project.add("b", "number", ["value": 2])
    return project
  }

  /// The key and the action of a project's `a`.
  private func first(_ project: Project) throws -> (key: Digest, action: JSON) {
    let twin = try Project()
    try twin.add("a", "number", ["value": 3])
    let key = try twin.run()["a"].key!
    return (key, try #require(try twin.store.record(for: key)).action)
  }

  @Test func whatAnotherDriverComputesIsWaitedForAndTakenFromItsRecord() throws {
    let project = try project()
    let (key, action) = try first(project)
    let other = try Other(project)
    #expect(try other.store.lease([key], to: other.run) == [key: .granted(fence: 1)])
    let executor = project.executor()
    var told: [String] = []
    let report = try project.run(
      executor,
      observe: { event in
        guard case .elsewhere(let i, let process) = event else { return }
        told.append("\(project.instances[i].name) \(process.map(String.init) ?? "no more")")
        // Once the run has turned to other things.
        if process != nil { executor.after = { _ in try other.publish(action, "3") } }
      })
    #expect(executor.ran == ["b", "odd"])
    #expect(told == ["a \(getpid())", "a no more"])
    #expect(report.names(.cached) == ["a"])
    #expect(report.names(.executed) == ["odd", "b"])
    #expect(try project.text("odd", report) == "1")
    #expect(report.exitStatus == 0)
  }

  @Test func whatAnotherDriverGivesUpIsComputedHere() throws {
    let project = try project()
    let (key, _) = try first(project)
    let other = try Other(project)
    _ = try other.store.lease([key], to: other.run)
    let executor = project.executor()
    executor.after = { name in if name == "b" { try other.die() } }
    let report = try project.run(executor)
    #expect(executor.ran == ["b", "a", "odd"])
    #expect(report.counts == [3, 0, 0, 0])
  }

  @Test func lostBytesThatAnotherDriverMakesAgainAreWaitedFor() throws {
    let project = try Project()
    try project.add("a", "number", ["value": 3, "padding": 20_000])
    try project.add("odd", "parity", inputs: ["number": ["a"]])
    try project.add("b", "number", ["value": 2])
    let before = try project.run(targets: [0])
    let record = try #require(try project.store.record(for: before["a"].key!))
    try project.lose(before["a"].artifacts["number"]!.digest)
    let other = try Other(project)
    _ = try other.store.lease([record.key], to: other.run, regardless: [record.key])
    let executor = project.executor()
    executor.after = { name in
      if name == "b" { try other.publish(record.action, "3" + String(repeating: " ", count: 20_000)) }
    }
    let report = try project.run(executor)
    #expect(executor.ran == ["b", "odd"])
    #expect(report.names(.executed) == ["odd", "b"])
    #expect(try project.text("odd", report) == "1")
  }

  @Test func ofAGroupOnlyWhatNobodyElseComputesIsComputedHere() throws {
    let project = try Project()
    try project.add("n", "number", ["value": 5])
    for by in 1...4 { try project.add("s\(by)", "scaled", ["by": .integer(by)], inputs: ["number": ["n"]]) }
    let plain = try Project()
    plain.instances = project.instances
    let whole = try plain.run()
    let other = try Other(project)
    _ = try other.store.lease([whole["s2"].key!, whole["s3"].key!], to: other.run)
    let executor = project.executor()
    executor.after = { name in if name == "s4" { try other.die() } }
    let report = try project.run(executor, jobs: 1)
    #expect(executor.jobs.map { $0.members.map(\.name) } == [["n"], ["s1", "s4"], ["s2", "s3"]])
    #expect(report.instances.map(\.artifacts) == whole.instances.map(\.artifacts))
  }

  @Test func aLeaseIsHeldWhileItsInstanceRunsAndNoLonger() throws {
    let project = try Project()
    try project.add("a", "number", ["value": 3])
    try project.add("x", "broken", inputs: ["number": ["a"]])
    let executor = project.executor()
    var held: [Int] = []
    executor.before = { _ in held.append(try project.store.leases().count) }
    let other = try Other(project)
    let report = try project.run(
      executor, keepGoing: true,
      observe: { event in
        if case .finished = event { held.append(try project.store.leases().count) }
      })
    #expect(report.counts == [1, 0, 1, 0])
    #expect(try other.store.leases().isEmpty)
    // While a runs, when it is done, while x runs. When that has failed its lease is about to be given back.
    #expect(Array(held.prefix(3)) == [1, 0, 1])
  }

  @Test func aRunThatIsInterruptedLeavesNoLease() throws {
    let project = try project()
    let (key, _) = try first(project)
    let other = try Other(project)
    _ = try other.store.lease([key], to: other.run)
    let report = try project.run(interrupt: { if case .elsewhere(_, _?) = $0 { true } else { false } })
    #expect(report.interrupted)
    #expect(report["a"].state == .skipped)
    #expect(try other.store.leases() == [key: other.own])
  }
}
