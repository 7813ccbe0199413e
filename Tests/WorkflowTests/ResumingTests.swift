import Canonical
import ContentStore
import Foundation
import Synchronization
import Testing
import Workflow

@Suite(.serialized) struct ResumingTests {
  /// Runs one journey as a project's only instance.
  private func go(
    _ project: Project, _ parameters: JSON, breakingDownIn leg: Int? = nil, resumes: Bool = true,
    platform: Platform = Platform(), now: @escaping @Sendable () -> Date = { Date() }
  ) throws -> (report: RunReport, executor: InProcessExecutor, gone: [Int]) {
    project.instances = []
    try project.add("trip", "journey", parameters)
    Journey.breakdown = leg
    Journey.gone = []
    defer { Journey.breakdown = nil }
    let executor = project.executor()
    let report = try project.run(executor, resumes: resumes, platform: platform, now: now)
    return (report, executor, Journey.gone)
  }

  @Test(arguments: [0, 100_000]) func whatBrokeDownGoesOnAfterTheLastStateToTheSameBytes(padding: Int) throws
  {
    let parameters: JSON = ["legs": 6, "rate": 7, "padding": .integer(padding)]
    let whole = try go(try Project(), parameters)
    let project = try Project()
    #expect(try go(project, parameters, breakingDownIn: 4).report.counts == [0, 0, 1, 0])
    let second = try go(project, parameters)
    #expect(second.gone == [5, 6])
    #expect(second.executor.resumed == ["trip after leg 4"])
    #expect(second.report["trip"].resumed == "leg 4")
    #expect(second.report["trip"].json["resumed"] == "leg 4")
    #expect(second.report["trip"].artifacts == whole.report["trip"].artifacts)
    #expect(second.report["trip"].key == whole.report["trip"].key)
    #expect(whole.report["trip"].resumed == nil)
    #expect(whole.report["trip"].json["resumed"] == nil)
    let record = try #require(try project.store.record(for: second.report["trip"].key!))
    #expect(record.facts["resumed"] == "leg 4")
  }

  @Test func aLongerOneBeginsWhereTheShorterOneEnded() throws {
    let project = try Project()
    _ = try go(project, ["legs": 6])
    let longer = try go(project, ["legs": 9])
    #expect(longer.gone == [7, 8, 9])
    #expect(longer.executor.resumed == ["trip after leg 6"])
    let fresh = try go(try Project(), ["legs": 9])
    #expect(fresh.gone == Array(1...9))
    #expect(longer.report["trip"].artifacts == fresh.report["trip"].artifacts)
    // And a shorter one takes no state of a longer one that is beyond its end.
    #expect(try go(project, ["legs": 8]).gone == [1, 2, 3, 4, 5, 6, 7, 8])
  }

  @Test(
    "a state serves nobody whose work so far was another",
    arguments: [
      (["legs": 6], ["legs": 6, "rate": 2]), (["legs": 6], ["legs": 6, "falls": true]),
      (["legs": 6, "falls": true], ["legs": 9, "falls": true]),
    ] as [(JSON, JSON)])
  func otherWork(first: JSON, second: JSON) throws {
    let project = try Project()
    _ = try go(project, first)
    let other = try go(project, second)
    #expect(other.executor.resumed.isEmpty)
    #expect(other.gone.first == 1)
  }

  @Test func aStateServesNeitherAfterAChangeOfCodeOrSaltNorOnAnotherPlatform() throws {
    func interrupted() throws -> Project {
      let project = try Project()
      _ = try go(project, ["legs": 3], breakingDownIn: 2)
      return project
    }
    let unchanged = try interrupted()
    #expect(try go(unchanged, ["legs": 3]).gone == [3])
    let salted = try interrupted()
    salted.settings.salt = "another"
    #expect(try go(salted, ["legs": 3]).gone == [1, 2, 3])
    let moved = try interrupted()
    #expect(try go(moved, ["legs": 3], platform: Platform(instructionSet: "avx2")).gone == [1, 2, 3])
    let edited = try interrupted()
    edited.kinds = KindCatalogue([
      KindDescription(Journey.self, code: CodeManifest(files: ["Toys/Toy.swift": .of("other".utf8)]))
    ])
    #expect(try go(edited, ["legs": 3]).gone == [1, 2, 3])
  }

  @Test func aDamagedStateIsSaidAndAnOlderOneServesOrTheBeginning() throws {
    let project = try Project()
    let parameters: JSON = ["legs": 6, "padding": 100_000]
    _ = try go(project, parameters, breakingDownIn: 4)
    try project.damage(state(project, parameters, upTo: 4))
    let second = try go(project, parameters, breakingDownIn: 5)
    #expect(second.gone == [4, 5])
    #expect(second.executor.notes.count == 1)
    #expect(second.executor.notes.first?.hasPrefix("the state after leg 4 can't be used: blob ") == true)
    for leg in [4, 5] { try project.damage(state(project, parameters, upTo: leg)) }
    let third = try go(project, parameters)
    #expect(third.gone == Array(1...6))
    #expect(third.executor.notes.count == 2)
    #expect(third.report["trip"].resumed == nil)
  }

  @Test func aStateThatMayBeToBlameStaysUntilTheRunIsAskedToBeginAnew() throws {
    let project = try Project()
    let parameters: JSON = ["legs": 6]
    #expect(try go(project, parameters, breakingDownIn: 4).report["trip"].message == "broke down")
    let stuck = try go(project, parameters, breakingDownIn: 4)
    #expect(stuck.gone == [])
    #expect(
      stuck.report["trip"].message == """
        broke down
        It went on after leg 4 and saved nothing since. Should the state that it began with be to blame: \
        run --no-resume drops it and begins at the beginning
        """)
    // Who came farther has no reason to doubt it.
    #expect(try go(project, parameters, breakingDownIn: 5).report["trip"].message == "broke down")
    #expect(try go(project, parameters, breakingDownIn: 2, resumes: false).gone == [1, 2])
    #expect(try points(project, parameters) == [1, 2])
    #expect(try go(project, parameters).gone == [3, 4, 5, 6])
  }

  @Test func aRecordSaysWhatTheWholeWorkTookAndNotItsLastPart() throws {
    let project = try Project()
    let clock = Mutex(0.0)
    // Ten seconds pass whenever somebody asks.
    let now: @Sendable () -> Date = {
      Date(
        timeIntervalSince1970: clock.withLock {
          $0 += 10; return $0
        })
    }
    _ = try go(project, ["legs": 6], breakingDownIn: 4, now: now)
    let state = try #require(try project.store.states(for: [prefixKey(project, 4)]).values.first)
    let before = try #require(state.facts["seconds"]?.doubleValue)
    #expect(before >= 40)
    let report = try go(project, ["legs": 6], now: now).report["trip"]
    let record = try #require(try project.store.record(for: report.key!))
    #expect(record.facts["seconds"]?.doubleValue == ((before + report.seconds) * 1000).rounded() / 1000)
  }

  @Test func theLastTwoStatesAreKeptAndOneWhenTheWorkIsDone() throws {
    let project = try Project()
    let parameters: JSON = ["legs": 6, "padding": 100_000]
    _ = try go(project, parameters, breakingDownIn: 5)
    #expect(try points(project, parameters) == [4, 5])
    #expect(try project.store.stats().total.count == 2)
    let done = try go(project, parameters)
    #expect(try points(project, parameters) == [6])
    #expect(done.report.counts == [1, 0, 0, 0])
    // A result needs no state.
    try project.store.dropStates(try keys(project, parameters))
    #expect(try go(project, parameters).report.counts == [0, 1, 0, 0])
  }

  @Test func aStateIsNotTakenForAResult() throws {
    let project = try Project()
    let before = try project.store.stats().records
    _ = try go(project, ["legs": 3], breakingDownIn: 1)
    #expect(try project.store.stats().records == before)
    let remote = try DirectoryRemote(at: project.remoteFolder)
    _ = try project.run(remote: remote)
    #expect(try remote.keys()?.count == 1)
  }

  // What the engine keeps states under, made here by hand from the documented form.
  private func keys(_ project: Project, _ parameters: JSON) throws -> [Digest] {
    try (1...parameters["legs"]!.intValue!).map { try prefixKey(project, $0) }
  }

  private func prefixKey(_ project: Project, _ leg: Int) throws -> Digest {
    let instance = project.instances[0]
    var parameters = instance.parameters.objectValue!
    parameters["legs"] = nil
    parameters["falls"] = nil
    let action: JSON = [
      "code": .string(instance.kind.code.digest.hex), "inputs": [:], "kind": "journey",
      "parameters": .object(parameters),
      "platform": ["instructionSet": "", "versions": [:]],
      "prefix": ["instead": ["falls_over": .null], "point": .integer(leg)], "version": 2,
    ]
    return .of(action.canonical.utf8)
  }

  private func points(_ project: Project, _ parameters: JSON) throws -> [Int] {
    let keys = try keys(project, parameters)
    let states = try project.store.states(for: keys)
    return keys.indices.filter { states[keys[$0]] != nil }.map { $0 + 1 }
  }

  private func state(_ project: Project, _ parameters: JSON, upTo leg: Int) throws -> Digest {
    let key = try prefixKey(project, leg)
    return try #require(try project.store.states(for: [key])[key]?.artifacts["state"]).digest
  }
}
