import Canonical
import ContentStore
import Foundation
import Testing

@Suite struct RunHistoryTests {
  let scratch = try! Scratch()
  var store: Store { get throws { try Store.open(at: scratch["store"]) } }

  private func key(_ n: Int) -> Digest { Digest.of([UInt8(n)]) }

  private func run(
    _ store: Store, _ file: String = "f", project: String = "p",
    says notes: [(String, Int?, InstanceState)] = [],
    ends: Bool = true
  ) throws -> RunID {
    let run = try store.beginRun(project: project, file: file, commandLine: ["bobbin", "run", file])
    try store.note(run, notes.map { InstanceNote(name: $0.0, key: $0.1.map(key), state: $0.2) })
    let outcome = RunOutcome(exitStatus: 0, executed: 7, cached: 2, failed: 0, skipped: 4)
    if ends { try store.endRun(run, outcome: outcome) }
    return run
  }

  @Test(arguments: [
    ("7", RunName.number(RunID(7))), ("last", .last(0)), ("last~0", .last(0)), ("last~12", .last(12)),
    ("0", nil), ("-1", nil), ("last~-1", nil), ("last~", nil), ("last-1", nil), ("", nil), ("yesterday", nil),
  ])
  func aRunIsNamedByItsNumberOrFromTheNewestBack(text: String, name: RunName?) {
    #expect(RunName(text) == name)
    if let name, text != "last~0" { #expect("\(name)" == text) }
  }

  @Test func aNamedRunIsOneOfItsFile() throws {
    let store = try store
    let (a, b) = (try run(store, "f"), try run(store, "g"))
    let c = try run(store, "f")
    func find(_ name: String, _ file: String = "f") throws -> RunID? {
      try store.run(#require(RunName(name)), project: "p", file: file)?.id
    }
    #expect(try ["last", "last~1", "last~2"].map { try find($0) } == [c, a, nil])
    #expect(try ["g", "h"].map { try find("last", $0) } == [b, nil])
    #expect(try ["\(a)", "\(b)", "99"].map { try find($0) } == [a, nil, nil])
    #expect(try store.run(.last(0), project: "other", file: "f") == nil)
  }

  @Test func aProjectsRunsAreThoseOfAllItsFiles() throws {
    let store = try store
    let all = try [run(store, "f"), run(store, "g"), run(store, "f")]
    _ = try run(store, project: "other")
    #expect(try store.runs(project: "p").map(\.id) == all.reversed())
    #expect(try store.runs(project: "p").map(\.file) == ["f", "g", "f"])
    #expect(try store.runs(project: "p", limit: 2).map(\.id) == [all[2], all[1]])
    #expect(try store.runs(project: "p", file: "g").map(\.id) == [all[1]])
    #expect(try [nil, "f", "h"].map { try store.countRuns(project: "p", file: $0) } == [3, 2, 0])
  }

  @Test func howManyARunExecutedIsKnownBeforeItEnds() throws {
    let store = try store
    _ = try run(store, says: [("a", 1, .executed), ("b", 2, .executed), ("c", 3, .cached)], ends: false)
    _ = try run(store, says: [("a", 4, .executed)])
    #expect(try store.runs(project: "p").map(\.executed) == [7, 2])
  }

  @Test func whatARunSaidItselfIsApartFromWhatWasKnown() throws {
    let store = try store
    let first = try run(store, says: [("a", 1, .executed), ("b", 2, .executed)])
    let second = try run(store, says: [("a", 1, .cached), ("b", 3, .failed)])
    #expect(try store.news(of: first).mapValues(\.state) == ["a": .executed, "b": .executed])
    #expect(
      try store.news(of: second) == ["b": InstanceNote(name: "b", key: key(3), state: .failed)])
    #expect(try store.instances(asOf: second).mapValues(\.state) == ["a": .executed, "b": .failed])
  }

  @Test func aFewResultsOfEachStageOfEachFileAreFound() throws {
    let store = try store
    let many = (0..<40).map { ("a[i=\($0)]", $0, InstanceState.executed) }
    _ = try run(
      store, "f", says: many + [("a2", 50, .executed), ("a2b[x=1]", 51, .executed), ("b", nil, .skipped)])
    _ = try run(store, "g", project: "q", says: [("a", 52, .executed)])
    let samples = try store.stageSamples(most: 3)
    #expect(samples.map(\.stage).sorted() == ["a", "a", "a2", "a2b"])
    #expect(samples.first { $0.stage == "a" && $0.file == "f" }?.keys.count == 3)
    #expect(samples.first { $0.stage == "a2" }?.keys == [key(50)])
    #expect(samples.last == StageSample(project: "q", file: "g", stage: "a", keys: [key(52)]))
  }

  @Test func resultsHaveOwnersNowAndBefore() throws {
    let store = try store
    _ = try run(store, "f", says: [("a", 1, .executed), ("b", 2, .executed)])
    _ = try run(store, "f", says: [("a", 3, .executed)])
    _ = try run(store, "g", project: "q", says: [("c", 2, .cached)])
    let owners = try store.owners(of: [key(1), key(2), key(9)])
    #expect(
      owners == [
        key(1): [ResultOwner(project: "p", file: "f", instance: "a", isNewest: false)],
        key(2): [
          ResultOwner(project: "p", file: "f", instance: "b", isNewest: true),
          ResultOwner(project: "q", file: "g", instance: "c", isNewest: true),
        ],
      ])
  }

  @Test func everyRecordCanBeGoneThrough() throws {
    let store = try store
    let records = try (0..<3).map { try store.publish([UInt8($0)], as: "\($0)") }
    var texts: [String] = []
    try store.eachRecord { key, text in
      let record = try Record(parsing: text)
      #expect(record.key == key)
      texts.append(String(decoding: text, as: UTF8.self))
    }
    #expect(texts == records.map(\.text))
  }
}
