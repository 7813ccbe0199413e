import Canonical
import ContentStore
import Foundation
import Testing
import Workflow

/// Lost and damaged blobs.
@Suite struct RebuildTests {
  /// a (a large blob) → total, odd; and a pack of a, unpacked.
  private func project() throws -> Project {
    let project = try Project()
    try project.add("a", "number", ["value": 1, "padding": 20_000])
    try project.add("total", "sum", inputs: ["add": ["a"]])
    try project.add("p", "pack", inputs: ["number": ["a"]])
    try project.add("u", "unpack", inputs: ["pack": ["p"]])
    return project
  }

  @Test func aLostBlobThatNobodyReadsMakesNothingStale() throws {
    let project = try project()
    let first = try project.run()
    try project.lose(first["a"].artifacts["number"]!.digest)
    #expect(try project.run().counts == [0, 4, 0, 0])
    #expect(try project.plan()["a"] == .upToDate)
  }

  @Test func aLostBlobIsRebuiltWhenSomebodyReadsIt() throws {
    let project = try project()
    let first = try project.run()
    let digest = first["a"].artifacts["number"]!.digest
    try project.lose(digest)
    try project.change("total", ["scale": 10])
    let executor = project.executor()
    let report = try project.run(executor)
    #expect(executor.ran == ["a", "total"])
    #expect(report.names(.executed) == ["a", "total"])
    let what = "its output was lost (blob \(digest.hex.prefix(12)): its file is gone)"
    #expect(report["a"].reason?.description == what)
    #expect(report.warnings == ["a: \(what); running it again"])
    #expect(try project.text("total", report) == "10")
    #expect(report.exitStatus == 0)
  }

  @Test func aDamagedBlobIsRebuiltWithAWarning() throws {
    let project = try project()
    let first = try project.run()
    try project.damage(first["a"].artifacts["number"]!.digest)
    try project.change("total", ["scale": 10])
    let report = try project.run()
    #expect(report.names(.executed) == ["a", "total"])
    #expect(report.warnings.count == 1)
    #expect(report.warnings[0].hasPrefix("a: its output was lost (blob "))
    #expect(try project.text("total", report) == "10")
  }

  @Test func theStageThatWroteABlobIsRebuiltNotTheOneThatLinksToIt() throws {
    let project = try project()
    let first = try project.run()
    try project.lose(first["a"].artifacts["number"]!.digest)
    try project.add("again", "unpack", inputs: ["pack": ["p"]], environment: ["X"])
    let executor = project.executor()
    #expect(try project.run(executor).counts == [2, 3, 0, 0])
    #expect(executor.ran == ["a", "again"])
  }

  @Test func severalLostBlobsAreRebuiltInOneRun() throws {
    let project = try Project()
    try project.add("a", "number", ["value": 1, "padding": 20_000])
    try project.add("b", "number", ["value": 2, "padding": 20_000])
    try project.add("s", "sum", inputs: ["add": ["a", "b"]])
    try project.add("t", "sum", ["scale": 2], inputs: ["add": ["b", "a"]])
    let first = try project.run()
    for name in ["a", "b"] { try project.lose(first[name].artifacts["number"]!.digest) }
    try project.change("s", ["scale": 3])
    try project.change("t", ["scale": 4])
    let executor = project.executor()
    let report = try project.run(executor)
    #expect(Set(executor.ran.prefix(2)) == ["a", "b"])
    #expect(executor.ran.count == 4)
    #expect(report.counts == [4, 0, 0, 0])
    #expect(try project.text("t", report) == "12")
  }

  @Test func aLostBlobOfALostBlobIsRebuiltToo() throws {
    let project = try Project()
    try project.add("seed", "number", ["value": 3, "padding": 20_000])
    try project.add("copy", "sum", inputs: ["add": ["seed"]])
    try project.add("end", "parity", inputs: ["number": ["copy"]])
    let first = try project.run()
    try project.lose(first["seed"].artifacts["number"]!.digest)
    // 'copy' is small and stays; a changed scale makes it run, and so its input is needed.
    try project.change("copy", ["scale": 2])
    let executor = project.executor()
    #expect(try project.run(executor).counts == [3, 0, 0, 0])
    #expect(executor.ran == ["seed", "copy", "end"])
  }

  @Test func otherBytesOnARebuildAreAdoptedAndWhatFollowsIsRekeyed() throws {
    let project = try Project()
    try project.add("f", "flaky")
    try project.add("s", "sum", inputs: ["add": ["f"]])
    try project.add("t", "sum", ["scale": 2], inputs: ["add": ["f"]])
    try project.add("last", "sum", inputs: ["add": ["s"]])
    let first = try project.run()
    try project.lose(first["f"].artifacts["number"]!.digest)
    try project.change("t", ["scale": 3])
    let executor = project.executor()
    let report = try project.run(executor)
    // t needed the lost bytes; s had been up to date, and is not with the new ones.
    #expect(executor.ran.first == "f")
    #expect(report.counts == [4, 0, 0, 0])
    #expect(report["f"].artifacts != first["f"].artifacts)
    #expect(report["s"].key != first["s"].key)
    #expect(report.warnings.count == 2)
    #expect(report.warnings[1].contains("Stage 'f' isn't reproducible"))
    let f = try #require(Int(try project.text("f", report).trimmingCharacters(in: .whitespaces)))
    #expect(try project.text("s", report) == "\(f)")
    #expect(try project.text("t", report) == "\(3 * f)")
    #expect(try project.run().counts == [0, 4, 0, 0])
  }

  @Test func aRebuildThatFailsSkipsWhoNeedsIt() throws {
    let project = try project()
    let first = try project.run()
    try project.lose(first["a"].artifacts["number"]!.digest)
    try project.change("total", ["scale": 10])
    let executor = project.executor()
    executor.before = { if $0 == "a" { throw InvalidParameter("a", "out of luck") } }
    let report = try project.run(executor)
    #expect(report["a"].message == "a: out of luck")
    #expect(report["total"].message == "'a' failed, whose output is lost")
    #expect(report.counts == [0, 2, 1, 1])
    #expect(try project.run().counts == [2, 2, 0, 0])
  }

  @Test func whatIsRequiredIsReadableAfterwards() throws {
    let project = try project()
    let first = try project.run()
    let digest = first["a"].artifacts["number"]!.digest
    try project.lose(digest)
    // The pack links to a's blob.
    let executor = project.executor()
    let report = try project.run(executor, targets: [2], required: [2])
    #expect(executor.ran == ["a"])
    #expect(report.counts == [1, 1, 0, 0])
    #expect(try project.store.read(digest).count == 20_001)
    let idle = project.executor()
    try project.run(idle, targets: [2], required: [2])
    #expect(idle.ran == [])
  }

  @Test func aRequiredFlakyInstanceComesOutReadable() throws {
    let project = try Project()
    try project.add("f", "flaky")
    try project.add("p", "pack", inputs: ["number": ["f"]])
    let first = try project.run()
    try project.lose(first["f"].artifacts["number"]!.digest)
    let report = try project.run(targets: [1], required: [1])
    #expect(report.counts == [2, 0, 0, 0])
    #expect(try project.store.read(report["f"].artifacts["number"]!.digest).count > 20_000)
    #expect(report["p"].artifacts != first["p"].artifacts)
  }

  /// A1: a and b are lost, c needs both, and a's rebuild gives other bytes, so that b isn't rebuilt but re-keyed.
  @Test func aRebuildThatRekeysAnotherRebuildLosesNobody() throws {
    let project = try Project()
    try project.add("a", "flaky")
    try project.add("b", "copy", inputs: ["source": ["a"]])
    try project.add("c", "sum", inputs: ["add": ["a", "b"]])
    let first = try project.run()
    for name in ["a", "b"] { try project.lose(first[name].artifacts["number"]!.digest) }
    try project.change("c", ["scale": 2])
    let report = try project.run()
    #expect(report.counts == [3, 0, 0, 0])
    #expect(report.exitStatus == 0)
    let a = try #require(Int(try project.text("a", report).trimmingCharacters(in: .whitespaces)))
    #expect(try project.text("c", report) == "\(4 * a)")
    #expect(try project.run().counts == [0, 3, 0, 0])
  }
}
