import Canonical
import ContentStore
import Foundation
import Testing
import Workflow

/// Many instances in one job.
@Suite struct GroupTests {
  /// A number, and its products with `factors`.
  private func project(_ factors: [Int], deep: Bool = false) throws -> Project {
    let project = try Project()
    try project.add("n", "number", ["value": 7])
    for by in factors {
      try project.add("s\(by)", "scaled", ["by": .integer(by)], inputs: ["number": ["n"]])
    }
    return project
  }

  private func sizes(_ executor: InProcessExecutor) -> [Int] { executor.jobs.map(\.members.count) }

  @Test func instancesThatAgreeInAllButWhatVariesAreOneJob() throws {
    let project = try project([2, 3, 4])
    let executor = project.executor()
    let report = try project.run(executor, jobs: 1)
    #expect(sizes(executor) == [1, 3])
    for by in [2, 3, 4] { #expect(try project.text("s\(by)", report) == "\(7 * by)") }
    #expect(Set(report.instances.map(\.key)).count == 4)
  }

  @Test func theKeyOfAMemberIsThatOfTheInstanceAlone() throws {
    let together = try project([2, 3, 4])
    let alone = try project([3])
    #expect(try together.run(jobs: 1)["s3"].key == alone.run()["s3"].key)
  }

  @Test func aGroupIsCutSoThatAllFreeSlotsAreUsed() throws {
    let project = try project(Array(1...10))
    let executor = project.executor()
    try project.run(executor, jobs: 2)
    #expect(sizes(executor) == [1, 5, 5])
  }

  @Test func aLargeGroupIsSeveralJobs() throws {
    let project = try project(Array(100..<140))
    let executor = project.executor()
    try project.run(executor, jobs: 1)
    #expect(sizes(executor) == [1, 32, 8])
  }

  @Test func aKindSaysHowLargeAJobMayBeAndTheMostCautiousMemberDecides() throws {
    let quick = try project(Array(1000..<1140))
    let executor = quick.executor()
    try quick.run(executor, jobs: 1)
    #expect(sizes(executor) == [1, 100, 40])
    let mixed = try project(Array(1000..<1040) + Array(100..<140))
    let other = mixed.executor()
    try mixed.run(other, jobs: 1)
    #expect(sizes(other) == [1, 40, 32, 8])
  }

  @Test func instancesThatReadOtherThingsAreNotComputedTogether() throws {
    let project = try project([2, 3])
    try project.add("m", "number", ["value": 8])
    try project.add("t2", "scaled", ["by": 2], inputs: ["number": ["m"]])
    let executor = project.executor()
    try project.run(executor, jobs: 1)
    #expect(sizes(executor) == [1, 1, 2, 1])
  }

  @Test func aMemberFailsByItself() throws {
    let project = try project([2, 13, 4])
    let report = try project.run(jobs: 1, keepGoing: true)
    #expect(report.names(.executed) == ["n", "s2", "s4"])
    #expect(report["s13"].message == "by: unlucky")
  }

  @Test func whenAWorkerIsLostEachIsTriedAloneAndTheCulpritFails() throws {
    let project = try project([2, 3, 4, 5])
    let executor = project.executor()
    executor.loses = { $0 == "s4" }
    let report = try project.run(executor, jobs: 1, keepGoing: true)
    // s2 and s3 had finished when the worker was lost.
    #expect(sizes(executor) == [1, 4, 1, 1, 1])
    #expect(executor.ran.count { $0 == "s4" } == 3)
    #expect(report.names(.executed) == ["n", "s2", "s3", "s5"])
    #expect(report["s4"].failure?.cause == .signal(9))
  }

  @Test func eachMemberHasALogOfItsOwn() throws {
    let project = try project([2, 3])
    try project.run(jobs: 1)
    for name in ["s2", "s3"] {
      let log = project.graph.log(of: name, in: project.store.directory)
      #expect(try String(contentsOf: log, encoding: .utf8) == "log of \(name)")
    }
  }
}
