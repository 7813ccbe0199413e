import Canonical
import ContentStore
import Foundation
import Testing
import Workflow

/// Runs that read through a remote and publish to it.
@Suite struct SharingTests {
  private func fill(_ project: Project) throws {
    try project.add("a", "number", ["value": 1, "padding": 20_000])
    try project.add("p", "pack", inputs: ["number": ["a"]])
    try project.add("u", "unpack", inputs: ["pack": ["p"]])
  }

  @Test func aSecondCheckoutExecutesNothing() throws {
    let mine = try Project("mine")
    try fill(mine)
    let remote = try DirectoryRemote(at: mine.remoteFolder)
    let first = try mine.run(remote: remote)
    let yours = try Project("yours", beside: mine)
    try fill(yours)
    let plan = try yours.plan(remote: remote)
    #expect(plan.entries.allSatisfy { $0.state == .upToDate })
    let executor = yours.executor()
    let second = try yours.run(executor, remote: remote)
    #expect(executor.ran == [])
    #expect(second.counts == [0, 3, 0, 0])
    #expect(second.instances.map(\.artifacts) == first.instances.map(\.artifacts))
  }

  @Test func allMissesThatAreKnownAtAMomentAreOneQuestion() throws {
    let mine = try Project("mine")
    let yours = try Project("yours", beside: mine)
    for project in [mine, yours] {
      for n in 0..<20 { try project.add("n\(n)", "number", ["value": .integer(n)]) }
      try project.add("all", "sum", ["scale": 1], inputs: ["add": (0..<20).map { "n\($0)" }])
    }
    let remote = ObservedRemote(try DirectoryRemote(at: mine.remoteFolder))
    try mine.run(remote: remote)
    // The numbers are one question, and the sum, whose key follows from them, is another.
    #expect(remote.questions.prefix(2) == [20, 1])
    remote.forget()
    let executor = yours.executor()
    let report = try yours.run(executor, remote: remote)
    #expect(report.counts == [0, 21, 0, 0] && executor.ran == [])
    #expect(remote.questions == [20, 1])
    // Nothing that nobody reads is fetched.
    #expect(remote.fetched == 0)
    #expect(try yours.plan(remote: remote).entries.allSatisfy { $0.state == .upToDate })
  }

  @Test func whatAnInstanceReadsComesInOneCall() throws {
    let mine = try Project("mine")
    let yours = try Project("yours", beside: mine)
    for project in [mine, yours] {
      for n in 0..<20 { try project.add("n\(n)", "number", ["value": .integer(n)]) }
    }
    let remote = ObservedRemote(try DirectoryRemote(at: mine.remoteFolder))
    try mine.run(remote: remote)
    try yours.add("all", "sum", ["scale": 1], inputs: ["add": (0..<20).map { "n\($0)" }])
    remote.forget()
    let report = try yours.run(remote: remote)
    #expect(report.names(.executed) == ["all"])
    #expect(remote.fetched == 20 && remote.fetches == 1)
  }

  @Test func severalRemotesAreReadInOrderAndThoseThatMayBeAreWritten() throws {
    let mine = try Project("mine")
    try fill(mine)
    let lab = ObservedRemote(try DirectoryRemote(at: mine.remoteFolder))
    let first = try mine.run(remote: lab)
    lab.isReadOnly = true
    lab.forget()
    let yours = try Project("yours", beside: mine)
    try fill(yours)
    try yours.add("more", "sum", ["scale": 2], inputs: ["add": ["a"]])
    let near = ObservedRemote(
      try DirectoryRemote(at: mine.remoteFolder.deletingLastPathComponent().appending(path: "near")))
    let report = try yours.run(remotes: [near, lab])
    #expect(report.names(.executed) == ["more"] && report.exitStatus == 0 && report.warnings == [])
    #expect(report["a"].artifacts == first["a"].artifacts)
    #expect(try near.hasRecord(report["more"].key!) && !lab.hasRecord(report["more"].key!))
    #expect(lab.puts == 0)
    // The far one is asked for what the near one doesn't have.
    #expect(near.questions.first == lab.questions.first)
  }

  @Test(arguments: [false, true])
  func aRemoteThatIsAwayIsAskedOnceSaidOnceAndStopsNothing(isReadOnly: Bool) throws {
    let project = try Project()
    try fill(project)
    let away = ObservedRemote(AbsentRemote())
    away.isReadOnly = isReadOnly
    let report = try project.run(remote: away)
    #expect(report.counts == [3, 0, 0, 0])
    #expect(away.calls == 1)
    let notice = "remote away:// is not there: no connection. Going on without it"
    let unpublished =
      "3 results were not published to away://, but kept here; `cache push` publishes what is missing there"
    #expect(report.warnings == (isReadOnly ? [notice] : [notice, unpublished]))
    // What nothing should have been put on costs nothing.
    #expect(report.exitStatus == (isReadOnly ? 0 : 3))
    // One that is away doesn't hide one that isn't.
    let other = try Project("other", beside: project)
    try fill(other)
    let remote = try DirectoryRemote(at: project.remoteFolder)
    _ = try project.store.push(report.instances.compactMap(\.key), to: remote)
    #expect(try other.run(remotes: [ObservedRemote(AbsentRemote()), remote]).counts == [0, 3, 0, 0])
  }

  @Test func anotherPlatformsResultOnARemoteStaysThereAndIsTold() throws {
    let here = Platform(instructionSet: "avx512_core", libraries: ["oneDNN": "2.6.3"])
    let there = Platform(instructionSet: "avx2", libraries: ["oneDNN": "2.6.3"])
    let mine = try Project("mine")
    try mine.add("f", "flaky")
    let yours = try Project("yours", beside: mine)
    try yours.add("f", "flaky")
    let remote = try DirectoryRemote(at: mine.remoteFolder)
    let server = mine.executor()
    server.facts = ["instructionSet": "avx2", "versions": ["oneDNN": "2.6.3"]]
    let laptop = yours.executor()
    laptop.facts = ["instructionSet": "avx512_core", "versions": ["oneDNN": "2.6.3"]]
    var first: RunReport?
    laptop.before = { _ in first = try mine.run(server, remote: remote, platform: there) }
    let report = try yours.run(laptop, remote: remote, platform: here)
    #expect(report.warnings.count == 1)
    #expect(
      report.warnings[0].hasPrefix(
        "\(remote) has another result of f; it stays there. It was computed on another platform"),
      "\(report.warnings)")
    let third = try Project("third", beside: mine)
    try third.add("f", "flaky")
    #expect(try third.run(remote: remote)["f"].artifacts == first!["f"].artifacts)
  }

  @Test func aProjectThatAsksForThePlatformTakesNoResultsOfOthers() throws {
    let here = Platform(instructionSet: "avx512_core", libraries: ["oneDNN": "2.6.3"])
    let there = Platform(instructionSet: "avx2", libraries: ["oneDNN": "2.6.3"])
    let mine = try Project("mine")
    let remote = try DirectoryRemote(at: mine.remoteFolder)
    func run(_ project: Project, on platform: Platform) throws -> [Int] {
      try fill(project)
      project.settings = KeySettings(platform: [.instructionSet])
      return try project.run(remote: remote, platform: platform).counts
    }
    #expect(try run(mine, on: there) == [3, 0, 0, 0])
    #expect(try run(Project("yours", beside: mine), on: here) == [3, 0, 0, 0])
    #expect(try run(Project("third", beside: mine), on: there) == [0, 3, 0, 0])
  }

  /// A12: those that this checkout computed, found here, and fetched.
  @Test func hitsOfAnotherPlatformAreCounted() throws {
    let here = Platform(instructionSet: "avx512_core", libraries: ["oneDNN": "2.6.3"])
    let there = Platform(instructionSet: "avx2", libraries: ["oneDNN": "2.6.3"])
    let mine = try Project("mine")
    try fill(mine)
    let remote = try DirectoryRemote(at: mine.remoteFolder)
    let executor = mine.executor()
    executor.facts = ["instructionSet": "avx2", "versions": ["oneDNN": "2.6.3"]]
    #expect(try mine.run(executor, remote: remote, platform: there).fromOtherPlatforms == 0)
    try mine.add("b", "number", ["value": 2])
    let report = try mine.run(platform: here)
    #expect(report.counts == [1, 3, 0, 0])
    #expect(report.fromOtherPlatforms == 3)
    #expect(report.json["fromOtherPlatforms"] == 3)
    // What doesn't say what computed it doesn't count: `b`.
    #expect(try mine.run(platform: here).fromOtherPlatforms == 3)
    #expect(try mine.run(platform: there).fromOtherPlatforms == 0)
    let yours = try Project("yours", beside: mine)
    try fill(yours)
    #expect(try yours.run(remote: remote, platform: here).fromOtherPlatforms == 3)
    #expect(try yours.run(platform: here).fromOtherPlatforms == 3)
  }

  @Test func aBlobIsFetchedWhenAStageReadsIt() throws {
    let mine = try Project("mine")
    try fill(mine)
    let remote = try DirectoryRemote(at: mine.remoteFolder)
    try mine.run(remote: remote)
    let yours = try Project("yours", beside: mine)
    try fill(yours)
    try yours.add("more", "sum", ["scale": 2], inputs: ["add": ["a"]])
    let report = try yours.run(remote: remote)
    #expect(report.counts == [1, 3, 0, 0])
    #expect(try yours.text("more", report) == "2")
    #expect(report.warnings == [])
  }

  @Test func aBlobThatTheRemoteLostIsRebuilt() throws {
    let mine = try Project("mine")
    try fill(mine)
    let remote = try DirectoryRemote(at: mine.remoteFolder)
    let first = try mine.run(remote: remote)
    try FileManager.default.removeItem(at: mine.remoteFolder.appendingPathComponent("v1/cas"))
    let yours = try Project("yours", beside: mine)
    try fill(yours)
    try yours.add("more", "sum", ["scale": 2], inputs: ["add": ["a"]])
    let report = try yours.run(remote: remote)
    #expect(report.names(.executed) == ["a", "more"])
    #expect(report["a"].artifacts == first["a"].artifacts)
    #expect(report.exitStatus == 0)
  }

  @Test func aRemoteThatCannotBeWrittenIsLoudAndResultsAreKept() throws {
    let project = try Project()
    try fill(project)
    let report = try project.run(remote: BrokenRemote())
    #expect(report.counts == [3, 0, 0, 0])
    #expect(report.exitStatus == 3)
    #expect(
      report.storeProblems == [
        "a was not published to broken://: remote broken://: no room",
        "remote broken://: no room. It isn't asked again in this run",
        "3 results were not published to broken://, but kept here; `cache push` publishes what is missing there",
      ])
    #expect(try project.run().counts == [0, 3, 0, 0])
  }

  @Test func aRecordThatIsNoneIsNotUsed() throws {
    let mine = try Project("mine")
    try fill(mine)
    let remote = try DirectoryRemote(at: mine.remoteFolder)
    let first = try mine.run(remote: remote)
    let file = mine.remoteFolder.appendingPathComponent("v1/ac/\(first["a"].key!)")
    try FileManager.default.setAttributes([.posixPermissions: 0o644], ofItemAtPath: file.path)
    try "{}".write(to: file, atomically: false, encoding: .utf8)
    let yours = try Project("yours", beside: mine)
    try fill(yours)
    let report = try yours.run(remote: remote)
    #expect(report.names(.executed) == ["a"])
    #expect(report.warnings.count >= 1)
    #expect(report.warnings[0].hasSuffix("It was not used"))
    #expect(report.exitStatus == 0)
  }

  @Test func twoResultsForOneKeyAreReported() throws {
    let mine = try Project("mine")
    try mine.add("f", "flaky")
    let remote = try DirectoryRemote(at: mine.remoteFolder)
    let yours = try Project("yours", beside: mine)
    try yours.add("f", "flaky")
    let executor = yours.executor()
    // While yours runs, mine is faster.
    executor.before = { _ in _ = try mine.run(remote: remote) }
    let report = try yours.run(executor, remote: remote)
    #expect(
      report.warnings == ["\(remote) has another result of f; it stays there. Stage 'f' isn't reproducible"])
  }

  @Test func theFirstPublishedRecordWins() throws {
    let mine = try Project("mine")
    try mine.add("f", "flaky")
    let remote = try DirectoryRemote(at: mine.remoteFolder)
    let yours = try Project("yours", beside: mine)
    try yours.add("f", "flaky")
    let executor = mine.executor()
    var other: RunReport?
    // While mine runs, a record of yours arrives in its store.
    executor.before = { _ in
      let report = try yours.run(remote: remote)
      #expect(try mine.store.pullRecord(report["f"].key!, from: remote) != nil)
      other = report
    }
    let report = try mine.run(executor)
    #expect(report["f"].artifacts == other?["f"].artifacts)
    #expect(report.warnings.count == 1)
    #expect(report.warnings[0].contains("Stage 'f' isn't reproducible"))
  }
}

/// Another remote that notes what it is asked.
private final class ObservedRemote: Remote, @unchecked Sendable {
  private let remote: any Remote
  private let lock = NSLock()
  var isReadOnly = false
  /// How many records each question asked for.
  private(set) var questions: [Int] = []
  /// In how many calls how many blobs were asked for.
  private(set) var fetches = 0
  private(set) var fetched = 0
  private(set) var puts = 0
  private(set) var calls = 0

  init(_ remote: any Remote) { self.remote = remote }

  func forget() { lock.withLock { (questions, fetches, fetched, puts, calls) = ([], 0, 0, 0, 0) } }

  var description: String { "\(remote)" }
  func records(
    _ keys: [Digest], limit: Int, each: (_ position: Int, Result<[UInt8]?, any Error>) throws -> Void
  ) throws {
    lock.withLock {
      questions.append(keys.count)
      calls += 1
    }
    try remote.records(keys, limit: limit, each: each)
  }
  func blobs(_ wishes: [BlobWish], each: (_ position: Int, Result<Bool, any Error>) throws -> Void) throws {
    lock.withLock {
      fetches += 1
      fetched += wishes.count
      calls += 1
    }
    try remote.blobs(wishes, each: each)
  }
  func record(_ key: Digest, limit: Int) throws -> [UInt8]? { try remote.record(key, limit: limit) }
  func hasRecord(_ key: Digest) throws -> Bool { try remote.hasRecord(key) }
  func putRecord(_ text: [UInt8], for key: Digest, replacing: Bool) throws -> Bool {
    lock.withLock { puts += 1 }
    return try remote.putRecord(text, for: key, replacing: replacing)
  }
  func blob(_ stored: Digest, limit: Int, to sink: ByteSink) throws -> Bool {
    try remote.blob(stored, limit: limit, to: sink)
  }
  func hasBlob(_ stored: Digest, size: Int) throws -> Bool { try remote.hasBlob(stored, size: size) }
  func putBlob(_ stored: Digest, size: Int, from source: ByteSource) throws {
    lock.withLock { puts += 1 }
    try remote.putBlob(stored, size: size, from: source)
  }
  func keys() throws -> [Digest]? { try remote.keys() }
}

/// Nobody is there.
private struct AbsentRemote: Remote {
  var description: String { "away://" }
  private var problem: StoreError { .remoteAbsent(name: "away://", reason: "no connection") }
  func record(_ key: Digest, limit: Int) throws -> [UInt8]? { throw problem }
  func hasRecord(_ key: Digest) throws -> Bool { throw problem }
  func putRecord(_ text: [UInt8], for key: Digest, replacing: Bool) throws -> Bool { throw problem }
  func blob(_ stored: Digest, limit: Int, to sink: ByteSink) throws -> Bool { throw problem }
  func hasBlob(_ stored: Digest, size: Int) throws -> Bool { throw problem }
  func putBlob(_ stored: Digest, size: Int, from source: ByteSource) throws { throw problem }
  func keys() throws -> [Digest]? { throw problem }
}

/// Has nothing and takes nothing.
private struct BrokenRemote: Remote {
  var description: String { "broken://" }
  private var problem: StoreError { .remote(name: "broken://", reason: "no room") }
  func record(_ key: Digest, limit: Int) throws -> [UInt8]? { nil }
  func hasRecord(_ key: Digest) throws -> Bool { false }
  func putRecord(_ text: [UInt8], for key: Digest, replacing: Bool) throws -> Bool { throw problem }
  func blob(_ stored: Digest, limit: Int, to sink: ByteSink) throws -> Bool { false }
  func hasBlob(_ stored: Digest, size: Int) throws -> Bool { false }
  func putBlob(_ stored: Digest, size: Int, from source: ByteSource) throws { throw problem }
  func keys() throws -> [Digest]? { nil }
}
