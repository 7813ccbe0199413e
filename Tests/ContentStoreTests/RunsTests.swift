import Canonical
import ContentStore
import Foundation
import Testing

@Suite struct RunsTests {
  let scratch = try! Scratch()
  var store: Store { get throws { try Store.open(at: scratch["store"]) } }

  func begin(_ store: Store, _ file: String = "f") throws -> RunID {
    try store.beginRun(project: "p", file: file, commandLine: ["bobbin", "run", file])
  }

  func note(_ name: String, _ key: Int?, _ state: InstanceState) -> InstanceNote {
    InstanceNote(name: name, key: key.map { Digest.of([UInt8($0)]) }, state: state)
  }

  func key(_ n: Int) -> Digest { Digest.of([UInt8(n)]) }

  let outcome = RunOutcome(exitStatus: 1, executed: 1, cached: 2, failed: 3, skipped: 4)

  @Test func aRunIsRememberedWithItsCommandLineAndOutcome() throws {
    let store = try store
    let run = try begin(store)
    #expect(try store.runs(project: "p", file: "f").map(\.state) == [.running])
    try store.endRun(run, outcome: outcome)
    let other = try begin(store, "g")
    try store.endRun(other, outcome: outcome)
    let entry = try #require(try store.runs(project: "p", file: "f").first)
    #expect(entry.id == run && other > run)
    #expect(entry.commandLine == ["bobbin", "run", "f"])
    #expect(entry.state == .ended(outcome))
    #expect(entry.start <= entry.end! && abs(entry.start.timeIntervalSinceNow) < 60)
    #expect(try FileManager.default.contentsOfDirectory(atPath: scratch["store/running"].path) == [])
  }

  @Test func theNewestKeyOfEachInstanceIsThatOfItsNewestResult() throws {
    let store = try store
    #expect(try store.lastKeys(project: "p", file: "f") == [:])
    var run = try begin(store)
    try store.note(run, [note("a", 1, .executed), note("b", 1, .cached), note("c", nil, .skipped)])
    #expect(try store.lastKeys(project: "p", file: "f") == ["a": key(1), "b": key(1)])
    run = try begin(store)
    try store.note(run, [note("a", 2, .executed), note("b", 3, .failed)])
    #expect(try store.lastKeys(project: "p", file: "f") == ["a": key(2), "b": key(1)])
    try store.note(begin(store), [note("a", 1, .cached)])
    try store.note(begin(store, "g"), [note("a", 2, .cached)])
    #expect(try store.lastKeys(project: "p", file: "f") == ["a": key(1), "b": key(1)])
    #expect(try store.lastKeys(project: "p", file: "g") == ["a": key(2)])
    let states = try store.lastNews(project: "p", file: "f").mapValues(\.state)
    #expect(states == ["a": .cached, "b": .failed, "c": .skipped])
  }

  @Test func thePastKeysOfAnInstanceAreThoseOfItsResultsNewestFirst() throws {
    let store = try store
    #expect(try store.pastKeys(of: "a", project: "p", file: "f") == [])
    try store.note(begin(store), [note("a", 1, .executed), note("b", 7, .executed)])
    try store.note(begin(store), [note("a", 2, .executed), note("b", 7, .cached)])
    try store.note(begin(store), [note("a", 3, .failed)])
    try store.note(begin(store), [note("a", 1, .cached)])
    try store.note(begin(store, "g"), [note("a", 9, .executed)])
    #expect(try store.pastKeys(of: "a", project: "p", file: "f") == [key(1), key(2)])
    #expect(try store.pastKeys(of: "b", project: "p", file: "f") == [key(7)])
    #expect(try store.pastKeys(of: "a", project: "p", file: "g") == [key(9)])
  }

  /// F8.
  @Test func theLastNewsOfAFailureHaveItsKeyAndMessage() throws {
    let store = try store
    try store.note(begin(store), [note("a", 1, .executed), note("b", 1, .interrupted)])
    let run = try begin(store)
    let failure = InstanceNote(
      name: "a", key: key(2), state: .failed, message: "it is too long" + String(repeating: "!", count: 9999))
    try store.note(run, [failure])
    #expect(failure.message?.count == InstanceNote.longestMessage)
    #expect(
      try store.lastNews(project: "p", file: "f") == ["a": failure, "b": note("b", 1, .interrupted)])
    #expect(try store.lastKeys(project: "p", file: "f") == ["a": key(1)])
    #expect(try store.instances(asOf: run)["a"] == failure)
    // One that was not started afterwards failed all the same when it was.
    try store.note(begin(store), [note("a", 2, .skipped)])
    #expect(try store.lastNews(project: "p", file: "f")["a"] == failure)
    try store.note(begin(store), [note("a", 1, .cached)])
    #expect(try store.lastNews(project: "p", file: "f")["a"] == note("a", 1, .cached))
  }

  @Test func whatWasKnownAtTheEndOfAnEarlierRunCanBeAskedFor() throws {
    let store = try store
    let first = try begin(store)
    let many = (0..<200).map { (i: Int) in note("i\(i)", i, .executed) }
    try store.note(first, many)
    let second = try begin(store)
    try store.note(second, many.map { InstanceNote(name: $0.name, key: $0.key, state: .cached) })
    let third = try begin(store)
    try store.note(third, [note("i7", 8, .executed), note("i8", 9, .failed), note("new", 1, .executed)])
    for run in [first, second] {
      let then = try store.instances(asOf: run)
      #expect(then.count == 200)
      #expect(then["i7"] == many[7])
    }
    let then = try store.instances(asOf: third)
    #expect(then.count == 201)
    #expect(
      [then["i7"], then["i8"], then["i9"]] == [note("i7", 8, .executed), note("i8", 9, .failed), many[9]])
  }

  @Test func anInstanceThatIsAsItWasCostsNoRow() throws {
    let store = try store
    let notes = (0..<2000).map { note("instance \($0)", $0 % 250, .cached) }
    try store.note(begin(store), notes)
    func size() throws -> Int {
      // What is still in the log counts too.
      try ["index.sqlite", "index.sqlite-wal"].map {
        try FileManager.default.attributesOfItem(atPath: scratch["store/" + $0].path)[.size] as! Int
      }.reduce(0, +)
    }
    let before = try size()
    for _ in 0..<3 { try store.note(begin(store), notes) }
    #expect(try size() - before < 100_000)
  }

  @Test func aKilledRunStaysVisibleWithAllThatItHadDone() async throws {
    let path = scratch["store"].path
    await #expect(processExitsWith: .signal(SIGKILL)) { [path = path as String] in
      let store = try Store.open(at: URL(fileURLWithPath: path))
      let run = try store.beginRun(project: "p", file: "f", commandLine: ["bobbin"])
      try store.note(run, [InstanceNote(name: "a", key: Digest.of([1]), state: .executed)])
      guard try store.runs(project: "p", file: "f").map(\.state) == [.running] else { exit(1) }
      kill(getpid(), SIGKILL)
    }
    let store = try store
    #expect(try store.runs(project: "p", file: "f").map(\.state) == [.unfinished])
    #expect(try store.lastKeys(project: "p", file: "f") == ["a": key(1)])
    let next = try begin(store)
    #expect(try store.runs(project: "p", file: "f").map(\.state) == [.running, .unfinished])
    let running = try FileManager.default.contentsOfDirectory(atPath: scratch["store/running"].path)
    #expect(running == ["\(next)"])
  }

  @Test func threadsNoteAtOnce() async throws {
    let store = try store
    let run = try begin(store)
    try await withThrowingTaskGroup(of: Void.self) { group in
      for t in 0..<4 {
        group.addTask {
          for i in 0..<25 {
            let key = Digest.of([UInt8(t), UInt8(i)])
            try store.note(run, [InstanceNote(name: "\(t) \(i)", key: key, state: .executed)])
          }
        }
      }
      try await group.waitForAll()
    }
    #expect(try Set(store.lastKeys(project: "p", file: "f").values).count == 100)
    #expect(try store.instances(asOf: run).count == 100)
  }
}
