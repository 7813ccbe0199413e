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
