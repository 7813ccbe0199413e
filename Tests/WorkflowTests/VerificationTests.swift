import Canonical
import ContentStore
import Foundation
import Testing
import Workflow

/// Says whether it went on from a state, of which one is always left.
private struct Climb: ResumableKind {
  static let name = "climb"
  static let summary = "climbs"
  @Parameter("how high") var height = 2
  @Output("where it began", .file) var start: OutputArtifact

  var prefixes: [ActionPrefix] { [ActionPrefix(upTo: 1, leavingOut: ["height"])] }

  func run(in context: StageContext) throws {
    let camp = context.scratch.appendingPathComponent("camp")
    try Data(count: 20_000).write(to: camp)
    context.save(camp, upTo: 1, at: "the camp")
    try Data((context.state == nil ? "the foot" : "the camp").utf8).write(to: start.url)
  }
}

/// Computing again what is in the cache, and comparing bits.
@Suite(.serialized) struct VerificationTests {
  /// What of a store must stay as it is: records, blobs with their bytes, the memory of runs, states.
  private struct Snapshot: Equatable {
    var records: [String]
    var blobs: [String: Digest]
    var runs: [RunEntry]
    var lastKeys: [String: Digest]
    var stats: StoreStats
  }

  private func snapshot(_ project: Project, keys: [Digest]) throws -> Snapshot {
    var blobs: [String: Digest] = [:]
    let folder = project.store.directory.appending(path: "blobs")
    for case let url as URL in FileManager.default.enumerator(at: folder, includingPropertiesForKeys: nil)! {
      if let data = try? Data(contentsOf: url) { blobs[url.lastPathComponent] = .of(Array(data)) }
    }
    return Snapshot(
      records: try keys.compactMap { try project.store.record(for: $0)?.text }, blobs: blobs,
      runs: try project.store.runs(project: project.root.path, file: "toy.yaml"),
      lastKeys: try project.store.lastKeys(project: project.root.path, file: "toy.yaml"),
      stats: try project.store.stats())
  }

  @discardableResult
  private func verify(
    _ project: Project, _ executor: InProcessExecutor? = nil, of instances: [Int]? = nil, sample: Int? = nil,
    seed: Int = 0, comparers: [ContentComparer] = [],
    observe: @escaping (RunEvent) throws -> Void = { _ in }
  ) throws -> VerificationReport {
    let executor = executor ?? project.executor()
    let verification = try Verification(
      project.graph, try project.plan(), of: instances, sample: sample, seed: seed, store: project.store,
      executor: executor, options: RunOptions(jobs: 2, environment: project.environment),
      comparers: comparers, surroundings: executor.world, observe: observe)
    let report = verification()
    precondition(!executor.world.isStuck, "the loop waited for nothing")
    return report
  }

  private func pipeline() throws -> Project {
    let project = try Project()
    try project.add("a", "number", ["value": 1, "padding": 20_000])
    try project.add("b", "number", ["value": 2])
    try project.add("total", "sum", inputs: ["add": ["a", "b"]])
    for by in 2...4 { try project.add("s\(by)", "scaled", ["by": .integer(by)], inputs: ["number": ["a"]]) }
    try project.add("p", "pack", inputs: ["number": ["a"]])
    try project.add("u", "unpack", inputs: ["pack": ["p"]])
    project.kinds = KindCatalogue(toyKinds.all + [KindDescription(Climb.self, code: plainCode)])
    try project.add("peak", "climb")
    return project
  }

  @Test func everyBitIsEqualAndNothingInTheStoreChanges() throws {
    let project = try pipeline()
    let keys = try project.run().instances.map { $0.key! }
    let before = try snapshot(project, keys: keys)
    let executor = project.executor()
    var planned: [Int] = []
    let report = try verify(project, executor) {
      if case .planned(let total, let cached) = $0 { planned = [total, cached] }
    }
    #expect(report.counts == [9, 0, 0, 0])
    #expect(report.exitStatus == 0)
    #expect(planned == [9, 0] as [Int])
    // Each alone, those that share work included, and from the beginning.
    #expect(executor.jobs.allSatisfy { $0.members.count == 1 })
    #expect(Set(executor.ran) == Set(project.instances.map(\.name)))
    #expect(executor.resumed.isEmpty && executor.notes.isEmpty)
    #expect(try snapshot(project, keys: keys) == before)
    let scratch = project.store.directory.appending(path: "scratch").path
    #expect(try FileManager.default.contentsOfDirectory(atPath: scratch).isEmpty)
  }

  @Test func aKindThatIsNotReproducibleIsCaughtAndNamed() throws {
    let project = try pipeline()
    try project.add("dice", "flaky")
    try project.add("after", "copy", inputs: ["source": ["dice"]])
    let first = try project.run()
    let keys = first.instances.map { $0.key! }
    let before = try snapshot(project, keys: keys)
    let report = try verify(project)
    #expect(report.verdicts.filter(\.isDifferent).map(\.name) == ["dice"])
    #expect(report.verified == 10)
    #expect(report.exitStatus == 1)
    guard case .different(let difference, let platform)? = report["dice"] else { return }
    #expect(difference.artifact == "number")
    #expect(difference.content?.place.hasPrefix("byte ") == true)
    #expect(platform == nil)
    #expect(try snapshot(project, keys: keys) == before)
    #expect(try project.run().counts == [0, 11, 0, 0])
  }

  @Test func aDifferenceFromAnotherPlatformSaysSo() throws {
    let project = try Project()
    try project.add("dice", "flaky")
    func facts(_ set: String) -> JSON {
      ["host": "test", "instructionSet": .string(set), "versions": ["OpenBLAS": "0.3.21"]]
    }
    let first = project.executor()
    first.facts = facts("avx2")
    try project.run(first)
    let second = project.executor()
    second.facts = facts("avx512_core")
    guard case .different(_, let platform)? = try verify(project, second)["dice"] else {
      Issue.record("it should differ")
      return
    }
    #expect(platform == "avx2 → avx512_core")
  }

  @Test func insideAFolderTheFileIsNamed() throws {
    let project = try Project()
    try project.add("both", "halves", ["train": 1])
    try project.run()
    let executor = project.executor()
    // The code is another than it says.
    executor.instead = { _ in
      let writer = BlobWriter(store: URL(fileURLWithPath: executor.jobs.last!.store))
      let blobs = ["train": "1", "test": "3"].mapValues { try! writer.write(bytes: Array($0.utf8)) }
      let manifest = Manifest(blobs.mapValues(\.artifact))
      let text = try! writer.write(bytes: Array(manifest.text.utf8))
      return .success(
        artifacts: ["both": manifest.artifact], blobs: Array(blobs.values) + [text], facts: [:])
    }
    guard case .different(let difference, _)? = try verify(project, executor)["both"] else {
      Issue.record("it should differ")
      return
    }
    #expect(difference.artifact == "both/test")
    #expect(difference.content == ContentDifference("byte 0", recorded: "0x32", now: "0x33"))
  }

  @Test func whatIsNotInTheCacheIsNotVerifiedAndSaidToBeSo() throws {
    let project = try pipeline()
    try project.run(targets: [0, 1])
    let report = try verify(project)
    #expect(report.verdicts.map(\.name) == ["a", "b"])
    #expect(report.verified == 2)
    #expect(
      report.absent.map { project.instances[$0].name } == ["total", "s2", "s3", "s4", "p", "u", "peak"])
    #expect(report.notInCache == 7)
    let nothing = try verify(project, of: [2])
    #expect(nothing.counts == [0, 0, 0, 1] && nothing.exitStatus == 1)
  }

  @Test func whatReadsSomethingLostIsNotVerifiedAndNothingIsRebuilt() throws {
    let project = try pipeline()
    let first = try project.run()
    try project.lose(first["a"].artifacts["number"]!.digest)
    let executor = project.executor()
    let report = try verify(project, executor, of: [2, 1])
    #expect(executor.ran == ["b"])
    guard case .notVerified(let why)? = report["total"] else {
      Issue.record("it can't have been verified")
      return
    }
    #expect(why.hasPrefix("what it reads can't be had: blob "))
    #expect(report.counts == [1, 0, 0, 1])
  }

  @Test func lostBytesOfTheRecordedResultAreComparedByDigest() throws {
    let project = try Project()
    try project.add("a", "number", ["padding": 20_000])
    try project.add("dice", "flaky")
    let first = try project.run()
    for i in first.instances { try project.lose(i.artifacts.values.first!.digest) }
    let report = try verify(project)
    #expect(report.verified == 1)
    guard case .different(let difference, _)? = report["dice"] else { return }
    #expect(difference == ArtifactDifference(artifact: "number", content: nil))
  }

  @Test func whatIsLostHereComesFromTheRemote() throws {
    let project = try pipeline()
    let remote = try project.store.openRemote("\(project.remoteFolder.path)", relativeTo: project.root)
    let first = try project.run(remote: remote)
    try project.lose(first["a"].artifacts["number"]!.digest)
    project.store.attach(remote) { _ in }
    #expect(try verify(project, of: [2]).verified == 1)
  }

  @Test func aFailureIsNoEquality() throws {
    let project = try pipeline()
    try project.run()
    let executor = project.executor()
    executor.instead = { $0 == "b" ? .failure(Failure(.other, "no luck")) : nil }
    let report = try verify(project, executor)
    guard case .failed(let failure)? = report["b"] else {
      Issue.record("it should have failed")
      return
    }
    #expect(failure.message == "no luck")
    // What reads it reads what is recorded.
    #expect(report.counts == [8, 0, 1, 0] && report.exitStatus == 1)
  }

  @Test func instancesWithOneKeyAreComputedOnceAndAllAreVerified() throws {
    let project = try Project()
    for name in ["x", "y", "z"] { try project.add(name, "number", ["value": 5]) }
    try project.run()
    let executor = project.executor()
    #expect(try verify(project, executor).verified == 3)
    #expect(executor.ran.count == 1)
  }

  @Test func aSeedNamesASampleThatIsSpreadOverStages() throws {
    let project = try Project()
    for stage in ["first", "second", "third"] {
      for n in 0..<20 { try project.add("\(stage)[n=\(n)]", "number", ["value": .integer(n)]) }
    }
    let all = Array(project.instances.indices)
    func drawn(_ count: Int, seed: Int) -> [Int] {
      project.graph.sample(count, of: all, seed: seed) { project.graph.instances[$0].stage }
    }
    for seed in 0..<20 {
      let sample = drawn(6, seed: seed)
      #expect(sample == drawn(6, seed: seed))
      #expect(sample == sample.sorted() && Set(sample).count == 6)
      for stage in ["first", "second", "third"] {
        #expect(sample.count { project.instances[$0].stage == stage } == 2)
      }
    }
    #expect(Set((0..<20).map { drawn(6, seed: $0) }).count > 15)
    #expect(drawn(.max, seed: 0) == all)
    #expect(drawn(0, seed: 0) == [])
    // A smaller sample is a part of a larger one.
    #expect(Set(drawn(4, seed: 3)).isSubset(of: drawn(9, seed: 3)))
  }

  @Test(arguments: [
    (
      "json", #"{"a": {"b": [1, 2.5]}, "z": 1}"#, #"{"a": {"b": [1, 2.75]}, "z": 2}"#, "field a.b[1]", "2.5",
      "2.75"
    ),
    ("json", #"{"a": 1}"#, #"{"a": 1, "b": "x"}"#, "field b", "null", #""x""#),
    ("csv", "a,b\n\n1,2\n", "a,b\n\n1,3\n", "line 3", "1,2", "1,3"),
    ("csv", "a,b\n1,2\n", "a,b\n1,2\n3,4\n", "line 3", "", "3,4"),
    ("json", "not json", "not JSON", "byte 4", "0x6a", "0x4a"),
    ("bin", "abc", "abcd", "byte 3", "the end", "0x64"),
  ])
  func aDifferenceIsToldInTheFormatsTerms(
    _ ending: String, _ recorded: String, _ now: String, _ place: String, _ before: String, _ after: String
  ) throws {
    let project = try Project()
    let kind = OutputDescription(name: "o", type: ArtifactType("o", fileExtension: ending), help: "")
    try project.add("x", "number")
    project.instances[0].outputs = [kind]
    let executor = project.executor()
    var text = recorded
    executor.instead = { _ in
      let writer = BlobWriter(store: URL(fileURLWithPath: executor.jobs.last!.store))
      let blob = try! writer.write(bytes: Array(text.utf8))
      return .success(artifacts: ["o": blob.artifact], blobs: [blob], facts: [:])
    }
    try project.run(executor)
    let again = project.executor()
    again.instead = { name in
      let writer = BlobWriter(store: URL(fileURLWithPath: again.jobs.last!.store))
      let blob = try! writer.write(bytes: Array(text.utf8))
      return .success(artifacts: ["o": blob.artifact], blobs: [blob], facts: [:])
    }
    text = now
    guard case .different(let difference, _)? = try verify(project, again)["x"] else {
      Issue.record("it should differ")
      return
    }
    let content = try #require(difference.content)
    #expect(content.place == place)
    #expect(content.recorded == before && content.now == after)
  }

  @Test func whoKnowsAFormatComparesIt() throws {
    let project = try Project()
    try project.add("dice", "flaky")
    try project.run()
    let comparer = ContentComparer(fileExtension: "txt") { _, _ in
      ContentDifference("the number", recorded: "one", now: "another", largest: 3)
    }
    guard case .different(let difference, _)? = try verify(project, comparers: [comparer])["dice"] else {
      return
    }
    #expect(difference.content?.place == "the number")
    #expect(difference.content?.largest == 3)
  }

  @Test func whenItIsInterruptedTheRestIsNotVerified() throws {
    let project = try pipeline()
    try project.run()
    let executor = project.executor()
    let report = try verify(project, executor) {
      if case .finished = $0 { executor.world.post(.interruption) }
    }
    #expect(report.interrupted && report.exitStatus == 130)
    #expect(report.verified < 9 && report.verified + report.notInCache == 9)
  }
}

extension Verdict {
  var isDifferent: Bool { if case .different = finding { true } else { false } }
}

extension VerificationReport {
  /// Verified, different, failed, not in the cache.
  var counts: [Int] { [verified, different, failed, notInCache] }

  subscript(name: String) -> Verdict.Finding? { verdicts.first { $0.name == name }?.finding }
}
