import Canonical
import ContentStore
import Foundation
import Testing

/// Freeing room: what goes, in which order, and what never does.
@Suite struct GarbageTests {
  let scratch = try! Scratch()
  var store: Store { get throws { try Store.open(at: scratch["store"]) } }

  let none = RunOutcome(exitStatus: 0, executed: 0, cached: 0, failed: 0, skipped: 0)

  /// What frees everything that may go, whatever its age.
  let everything = GarbageWish(bound: 0, unreachable: true, grace: 0)

  /// Publishes results, by name, and a run of `file` that came to them and to nothing else.
  @discardableResult
  func run(_ results: [String: [UInt8]], _ file: String = "f", in store: Store, facts: JSON = [:]) throws
    -> [String: Record]
  {
    let run = try store.beginRun(project: "p", file: file, commandLine: [])
    let records = try Dictionary(
      uniqueKeysWithValues: results.map { ($0, try store.publish($1, as: named(file, $0, $1), facts: facts)) }
    )
    try store.note(run, records.map { InstanceNote(name: $0, key: $1.key, state: .executed) })
    try store.note(run, allInstances: Array(results.keys))
    try store.endRun(run, outcome: none)
    return records
  }

  /// The action that gives these bytes as an instance's result.
  func named(_ file: String, _ instance: String, _ bytes: [UInt8]) -> String {
    "\(file) \(instance) \(Digest.of(bytes))"
  }

  func isHere(_ bytes: [UInt8], _ store: Store) throws -> Bool {
    do { return try store.read(.of(bytes)) == bytes } catch let error as StoreError {
      guard case .missing = error else { throw error }
      return false
    }
  }

  func counts(_ report: GarbageReport) -> [GarbageSort: Int] { report.freed.mapValues(\.count) }

  @Test(arguments: [300, 50_000]) func whatTheLastRunCameToStaysAndWhatCameBeforeGoes(size: Int) throws {
    let store = try store
    let old = noise(size, seed: 1)
    let new = noise(size, seed: 2)
    try run(["a": old], in: store)
    let before = try #require(try store.lastKeys(project: "p", file: "f")["a"])
    let run = try store.beginRun(project: "p", file: "f", commandLine: [])
    let record = try store.publish(new, as: "other")
    try store.note(run, [InstanceNote(name: "a", key: record.key, state: .executed)])
    try store.endRun(run, outcome: none)

    let wish = GarbageWish(unreachable: true, grace: 0)
    let foretold = try store.freeable(wish)
    #expect(counts(foretold) == [.results: 1, .records: 1])
    #expect(try isHere(old, store))
    let report = try store.free(wish)
    #expect(report == foretold)
    #expect(report.freed[.results]?.bytes == size)
    #expect(try store.record(for: before) == nil)
    #expect(try !isHere(old, store) && isHere(new, store))
    #expect(try store.record(for: record.key) == record)
    #expect(try store.freeable(wish).bytes == 0)
    #expect(try scratch.number("SELECT count(*) FROM blobs") == 1)
  }

  @Test func theLastRunsOfAllProjectsAndFilesStay() throws {
    let store = try store
    try run(["a": noise(40_000, seed: 1)], "f", in: store)
    try run(["a": noise(40_000, seed: 2)], "g", in: store)
    let other = try store.beginRun(project: "q", file: "f", commandLine: [])
    let record = try store.publish(noise(40_000, seed: 3), as: "q")
    try store.note(other, [InstanceNote(name: "a", key: record.key, state: .executed)])
    try store.endRun(other, outcome: none)
    #expect(try store.free(everything).bytes == 0)
    #expect(try store.forget(PipelinePlace(project: "p", file: "g")) == 1)
    #expect(try store.forget(PipelinePlace(project: "p", file: "h")) == nil)
    #expect(try counts(store.free(everything)) == [.results: 1, .records: 1])
    for seed in [UInt64(1), 3] { #expect(try isHere(noise(40_000, seed: seed), store)) }
    #expect(try !isHere(noise(40_000, seed: 2), store))
  }

  @Test func anInstanceThatAWholeRunNoLongerHasIsNobodysUntilItComesBack() throws {
    let store = try store
    let both = ["a": noise(40_000, seed: 1), "b": noise(40_000, seed: 2)]
    try run(both, in: store)
    // A run of a part says nothing of the rest.
    let part = try store.beginRun(project: "p", file: "f", commandLine: [])
    try store.endRun(part, outcome: none)
    #expect(try store.freeable(everything).bytes == 0)
    try run(["a": both["a"]!], in: store)
    #expect(try counts(store.freeable(everything)) == [.results: 1, .records: 1])
    try run(both, in: store)
    #expect(try store.freeable(everything).bytes == 0)
  }

  @Test func whatABoundTakesKeepsItsRecordAndWhatFollowsFromItStaysUpToDate() throws {
    let store = try store
    let old = try run(["a": noise(40_000, seed: 1)], in: store)["a"]!
    try run(["b": noise(40_000, seed: 2)], in: store)
    let report = try store.free(GarbageWish(bound: 0, grace: 0))
    #expect(counts(report) == [.results: 1])
    #expect(report.excess > 40_000 && report.needed == 40_000 && report.excess == report.after)
    #expect(try store.record(for: old.key) == old)
    #expect(try store.outputs(for: [old.key])[old.key]?.artifacts == old.artifacts)
    #expect(try !isHere(noise(40_000, seed: 1), store))
    // Made again, it is there again.
    try store.publish(noise(40_000, seed: 1), as: named("f", "a", noise(40_000, seed: 1)))
    #expect(try isHere(noise(40_000, seed: 1), store))
  }

  @Test func noMoreGoesThanTheBoundTakes() throws {
    let store = try store
    for seed in 1...5 { try run(["a": noise(40_000, seed: UInt64(seed))], in: store) }
    let size = try store.size()
    let report = try store.free(GarbageWish(bound: size - 50_000, grace: 0))
    #expect(counts(report) == [.results: 2] && report.excess == 0)
    #expect(try store.size() <= size - 50_000)
  }

  @Test func whatTookLittleTimeForItsBytesGoesFirst() throws {
    let store = try store
    for (seed, seconds) in [(1, 3e7), (2, 3), (3, 3e4)] {
      try run(["a": noise(40_000, seed: UInt64(seed))], in: store, facts: ["seconds": .number(seconds)])
    }
    try run(["b": noise(10, seed: 9)], in: store)
    let size = try store.size()
    try store.free(GarbageWish(bound: size - 1, grace: 0))
    #expect(try [1, 2, 3].map { try isHere(noise(40_000, seed: $0), store) } == [true, false, true])
    try store.free(GarbageWish(bound: size - 40_001, grace: 0))
    #expect(try [1, 2, 3].map { try isHere(noise(40_000, seed: $0), store) } == [true, false, false])
  }

  @Test func whatTheRemoteHasGoesBeforeWhatItHasNot() throws {
    let store = try store
    let shared = try run(["a": noise(40_000, seed: 1)], in: store, facts: ["seconds": 3000])["a"]!
    try run(["a": noise(40_000, seed: 2)], in: store, facts: ["seconds": 3])
    try run(["b": noise(10, seed: 9)], in: store)
    let remote = try DirectoryRemote(at: scratch["remote"])
    #expect(try store.push([shared.key], to: remote).problems == [])
    let report = try store.free(GarbageWish(bound: store.size() - 1, grace: 0), on: [remote])
    #expect(counts(report) == [.shared: 1])
    #expect(try isHere(noise(40_000, seed: 2), store) && !isHere(noise(40_000, seed: 1), store))
    store.attach(remote) { Issue.record("\($0)") }
    #expect(try isHere(noise(40_000, seed: 1), store))
  }

  @Test func copiesAndLogsAndStatesGoBeforeResults() throws {
    let store = try store
    let text = prose(60_000)
    try run(["a": text], in: store)
    _ = try store.file(for: .of(text))
    try scratch.write(prose(2000), to: "store/logs/f/a.log")
    let blob = try store.written(noise(40_000, seed: 5))
    let state = Record(
      action: ["state": 1], artifacts: ["state": blob.artifact], blobs: [blob.form], facts: [:])
    try store.keep(state, blobs: [blob])
    try run(["a": noise(40_000, seed: 2)], in: store)
    let size = try store.size()
    func sorts(_ bound: Int) throws -> [GarbageSort: Int] {
      counts(try store.freeable(GarbageWish(bound: bound, grace: 0)))
    }
    #expect(try sorts(size - 1) == [.copies: 1])
    #expect(try sorts(size - 60_001) == [.copies: 1, .logs: 1])
    #expect(try sorts(size - 62_001) == [.copies: 1, .logs: 1, .states: 1])
    #expect(try sorts(size - 102_001) == [.copies: 1, .logs: 1, .states: 1, .results: 1])
    let report = try store.free(GarbageWish(bound: size - 62_001, grace: 0))
    #expect(report.excess == 0)
    #expect(try store.states(for: [state.key]).isEmpty && isHere(text, store))
    #expect(!FileManager.default.fileExists(atPath: scratch["store/logs/f/a.log"].path))
  }

  @Test func whatIsYoungerThanTheGraceStaysAndIsToldOfWhenTheBoundIsNotMet() throws {
    let store = try store
    try run(["a": noise(40_000, seed: 1)], in: store)
    try run(["a": noise(40_000, seed: 2)], in: store)
    let report = try store.free(GarbageWish(bound: 0, unreachable: true))
    #expect(report.bytes == 0 && report.young >= 40_000 && report.excess > 0)
    try scratch.sql("UPDATE records SET time = time - 7200000; UPDATE runs SET start = start - 7200000")
    #expect(try counts(store.free(GarbageWish(unreachable: true))) == [.results: 1, .records: 1])
  }

  @Test func ofWhatIsOldOnlyWhatHasNotBeenUsedSinceGoes() throws {
    let store = try store
    let old = noise(40_000, seed: 1)
    try run(["a": old], in: store)
    try scratch.sql("UPDATE records SET time = 0; UPDATE runs SET start = 0")
    // It was the last result until this run began, just now.
    try run(["a": noise(40_000, seed: 2)], in: store)
    let day = GarbageWish(unusedFor: 86_400, grace: 0)
    #expect(try store.free(day).bytes == 0)
    try scratch.sql("UPDATE runs SET start = 1")
    #expect(try counts(store.free(day)) == [.results: 1, .records: 1])
    #expect(try !isHere(old, store))
  }

  @Test func pinsAreKeptWithWhatTheyWereMadeFromUntilTheyAreUnpinned() throws {
    let store = try store
    let old = try run(["a": noise(40_000, seed: 1), "b": noise(40_000, seed: 2)], in: store)
    try run(["c": noise(10)], in: store)
    try store.pin(old["b"]!.key, note: "b", with: [old["a"]!.key])
    try store.pin(old["a"]!.key, note: "a", with: [])
    #expect(try store.pins().map(\.note) == ["a", "b"] && store.pins().map(\.results) == [1, 2])
    #expect(try store.free(everything).bytes == 0)
    #expect(try store.unpin([old["a"]!.key, .of([9])]) == 1)
    #expect(try store.free(everything).bytes == 0)
    #expect(try store.unpin([old["b"]!.key]) == 1)
    #expect(try counts(store.free(everything)) == [.results: 2, .records: 2])
  }

  @Test(arguments: [300, 50_000]) func whatTwoResultsShareStaysWhileOneOfThemIsNeeded(size: Int) throws {
    let store = try store
    let folder = try scratch.write(noise(size, seed: 1), to: "out/one").deletingLastPathComponent()
    try scratch.write(noise(size, seed: 2), to: "out/two")
    let (artifact, blobs) = try BlobWriter(store: store.directory).ingest(folder)
    let whole = Record(
      action: ["kind": "whole"], artifacts: ["out": artifact], blobs: blobs.map(\.form), facts: [:])
    _ = try store.publish(whole, blobs: blobs)
    // It links to what the first one wrote, through a manifest, and lists none of it.
    let (linking, own) = try BlobWriter(store: store.directory).ingest(
      try scratch.write([1], to: "linking/mine").deletingLastPathComponent(), links: ["theirs": artifact])
    let link = Record(
      action: ["kind": "link"], artifacts: ["out": linking], blobs: own.map(\.form), facts: [:])
    let run = try store.beginRun(project: "p", file: "f", commandLine: [])
    _ = try store.publish(link, blobs: own)
    try store.note(run, [InstanceNote(name: "a", key: link.key, state: .executed)])
    try store.endRun(run, outcome: none)
    #expect(try counts(store.free(everything)) == [.records: 1])
    #expect(try store.record(for: whole.key) == nil)
    for leaf in try store.leaves(of: linking) { #expect(try store.read(leaf.digest).count > 0) }
  }

  // Runs in progress.

  @Test func whatARunInProgressHasLookedForOrWrittenStays() throws {
    let store = try store
    let old = noise(40_000, seed: 1)
    let found = try run(["a": old], in: store)["a"]!
    try run(["b": noise(10)], in: store)
    // Another process's view.
    let other = try self.store
    let run = try other.beginRun(project: "p", file: "f", commandLine: [])
    _ = try other.outputs(for: [found.key])
    _ = try other.file(for: .of(old))
    // A worker writes what is there already and what isn't, and nobody has published it yet.
    let writer = BlobWriter(store: other.directory, run: run)
    let again = try writer.write(bytes: noise(30_000, seed: 7))
    let state = try other.written(noise(30_000, seed: 8))
    let kept = Record(action: ["s": 1], artifacts: ["state": state.artifact], blobs: [state.form], facts: [:])
    try other.keep(kept, blobs: [state])
    let report = try store.free(everything)
    #expect(report.bytes == 0 && report.runs == 1, "\(report)")
    let record = Record(
      action: ["kind": "new"], artifacts: ["out": again.artifact], blobs: [again.form], facts: [:])
    #expect(try other.publish(record, blobs: [again]) == .published)
    try other.note(run, [InstanceNote(name: "b", key: record.key, state: .executed)])
    // What it has just replaced is nobody's.
    #expect(try counts(store.free(everything)) == [.results: 1, .records: 1])
    try other.endRun(run, outcome: none)
    #expect(try isHere(noise(30_000, seed: 7), store))
    #expect(try counts(store.free(everything)) == [.states: 1, .results: 1, .records: 1])
    #expect(try isHere(noise(30_000, seed: 7), store) && !isHere(old, store))
  }

  @Test func whatARunFindsWhileSomethingIsFreedIsNotFreed() throws {
    let store = try store
    // It took long for its bytes, so it goes last.
    let old = try run(["a": noise(40_000, seed: 1)], in: store, facts: ["seconds": 3000])["a"]!
    for i in 0..<600 { try run(["a": [UInt8(i & 0xFF), UInt8(i >> 8)]], in: store) }
    try run(["b": noise(10)], in: store)
    let other = try self.store
    var runs: [RunID] = []
    let report = try store.free(GarbageWish(bound: 0, grace: 0)) { _ in
      if !runs.isEmpty { return }
      runs.append(try other.beginRun(project: "p", file: "f", commandLine: []))
      #expect(try other.outputs(for: [old.key]).count == 1)
      #expect(try other.present([.of(noise(40_000, seed: 1))]).count == 1)
    }
    #expect(runs.count == 1 && report.bytes > 0 && report.bytes < 40_000)
    #expect(try isHere(noise(40_000, seed: 1), store))
    for run in runs { try other.endRun(run, outcome: none) }
    #expect(try counts(store.free(GarbageWish(bound: 0, grace: 0))) == [.results: 1])
  }

  @Test func theWorkOfADeadRunIsSweptUp() throws {
    let store = try store
    try run(["a": noise(10)], in: store)
    _ = try BlobWriter(store: store.directory).write(bytes: noise(40_000, seed: 3))
    try scratch.write(Array("dead".utf8), to: "store/running/77")
    #expect(try counts(store.free(everything)) == [.leftovers: 1])
    #expect(
      try FileManager.default.subpathsOfDirectory(atPath: scratch["store/blobs"].path).allSatisfy {
        $0.count == 2
      })
  }

  @Test func aRunThatCouldNotSayWhatItUsesKeepsEverything() throws {
    let store = try store
    try run(["a": noise(40_000, seed: 1)], in: store)
    try run(["a": noise(40_000, seed: 2)], in: store)
    let run = try store.beginRun(project: "p", file: "g", commandLine: [])
    try Data([1, 2, 3]).write(to: scratch["store/running/\(run)"])
    let error = #expect(throws: StoreError.self) { try store.free(everything) }
    #expect("\(error!)".contains("isn't written whole; nothing is freed before it has ended"))
    #expect(try isHere(noise(40_000, seed: 1), store))
    try store.endRun(run, outcome: none)
    #expect(try store.free(everything).bytes > 40_000)
  }

  @Test func freeingThatIsCutShortLeavesAWholeStore() throws {
    struct Cut: Error {}
    let store = try store
    for i in 0..<700 { try run(["a": [UInt8(i & 0xFF), UInt8(i >> 8)]], in: store) }
    for seed in 1...3 { try run(["a": noise(40_000, seed: UInt64(seed))], in: store) }
    #expect(throws: Cut.self) { try store.free(everything) { _ in throw Cut() } }
    #expect(try !store.check(fast: false, repairing: false).isDamaged)
    let rest = try store.freeable(everything)
    #expect(rest.bytes > 0)
    #expect(try store.free(everything) == rest)
    #expect(try isHere(noise(40_000, seed: 3), store))
  }

  @Test(.enabled(if: Tmpfs.isPossible, "a full disk needs the right to mount a small one"))
  func aFullDiskCanBeFreed() throws {
    let disk = try Tmpfs(megabytes: 4)
    let store = try Store.open(at: disk.url.appendingPathComponent("store"))
    for seed in 1...3 { try run(["a": noise(400_000, seed: UInt64(seed))], in: store) }
    let filler = disk.url.appendingPathComponent("filler").path
    let file = open(filler, O_WRONLY | O_CREAT, 0o600)
    let bytes = noise(4096)
    while write(file, bytes, bytes.count) == bytes.count {}
    close(file)
    let report = try store.free(everything)
    #expect(report.freed[.results] == .init(count: 2, bytes: 800_000))
    #expect(try isHere(noise(400_000, seed: 3), store))
    #expect(try !store.check(fast: false, repairing: false).isDamaged)
  }
}

extension Store {
  /// Writes bytes as a worker would for the run of this store.
  fileprivate func written(_ bytes: [UInt8]) throws -> WrittenBlob {
    try BlobWriter(store: directory).write(bytes: bytes)
  }
}
