import Canonical
import ContentStore
import Foundation
import Testing
import Workflow

/// Failures that may pass.
@Suite struct RetryingTests {
  /// A run of one instance that fails so often in one way, and what came of it.
  private func run(
    _ retry: Retry?, failing times: Int, _ cause: Failure.Cause, resources: Resources = Resources(),
    observe: @escaping (RunEvent) -> Void = { _ in }
  ) throws -> (report: InstanceReport, executor: InProcessExecutor, project: Project, starts: [Double]) {
    let project = try Project()
    try project.add("a", "number", ["value": 3], resources: resources)
    project.instances[0].retry = retry
    let executor = project.executor()
    var starts: [Double] = []
    executor.before = { _ in
      starts.append(executor.world.now)
      if starts.count <= times { throw Failure(cause, "bad luck \(starts.count)\nand more") }
    }
    let report = try project.run(executor, observe: observe)
    return (report["a"], executor, project, starts)
  }

  @Test(
    "what is tried again, and how often",
    arguments: [
      // A stage that says nothing: what came from outside once, its own errors never.
      (nil, .other, 1), (nil, .exitStatus(1), 1), (nil, .signal(11), 1), (nil, .input, 1), (nil, .time, 1),
      (nil, .invalidValue, 1), (nil, .signal(9), 2), (nil, .signal(15), 2), (nil, .exitStatus(137), 2),
      (nil, .memory, 2),
      (Retry(times: 0), .signal(9), 1), (Retry(times: 3), .exitStatus(1), 4), (Retry(times: 2), .time, 3),
      (Retry(times: 2, on: [.timeout]), .exitStatus(1), 1), (Retry(times: 2, on: [.timeout]), .time, 3),
      (Retry(times: 2, on: [.failure]), .signal(9), 1), (Retry(times: 2, on: [.killed]), .signal(9), 3),
      // The second attempt had all there is.
      (Retry(times: 2, on: [.memory]), .memory, 2),
    ] as [(Retry?, Failure.Cause, Int)])
  func whatIsTriedAgain(_ retry: Retry?, _ cause: Failure.Cause, _ attempts: Int) throws {
    let (report, executor, _, _) = try run(retry, failing: .max, cause)
    #expect(executor.ran.count == attempts)
    #expect(report.state == .failed)
    #expect(report.failure?.cause == cause)
    #expect(report.attempts == attempts)
  }

  @Test func anAttemptThatSucceedsIsTheResultAndTheOthersAreToldEverywhere() throws {
    var told: [String] = []
    let (report, executor, project, _) = try run(Retry(times: 5), failing: 2, .exitStatus(1)) { event in
      if case .retrying(0, let failure, let attempt, let of, let pause) = event {
        told.append("\(attempt) of \(of) in \(pause) after \(failure.cause.name)")
      }
    }
    #expect(report.state == .executed)
    #expect(report.attempts == 3)
    #expect(report.json["attempts"] == 3)
    #expect(told == ["2 of 6 in 0.0 after exit status 1", "3 of 6 in 0.0 after exit status 1"])
    #expect(
      executor.notes
        == ["attempt 2; the one before: bad luck 1", "attempt 3; the one before: bad luck 2"])
    let record = try #require(try project.store.record(for: report.key!))
    #expect(record.facts["failedAttempts"] == ["bad luck 1", "bad luck 2"])
  }

  @Test func aFirstAttemptThatSucceedsSaysNothingOfAttempts() throws {
    let (report, _, project, _) = try run(Retry(times: 5), failing: 0, .other)
    #expect(report.json["attempts"] == nil)
    #expect(try project.store.record(for: report.key!)?.facts["failedAttempts"] == nil)
  }

  @Test func pausesGrow() throws {
    let (_, _, _, starts) = try run(Retry(times: 3, wait: 10), failing: 3, .other)
    #expect(starts.map { Int($0.rounded()) } == [0, 10, 30, 70])
  }

  @Test(
    "after it ran out of memory it gets twice as much, as far as there is any",
    arguments: [
      (1 << 30, Retry?.none, [1, 2]), (1 << 30, Retry(times: 9), [1, 2, 4, 8]), (3 << 30, nil, [3, 6]),
      (6 << 30, nil, [6, 8]), (8 << 30, nil, [8]),
    ])
  func moreMemory(_ declared: Int, _ retry: Retry?, _ gigabytes: [Int]) throws {
    let (_, executor, _, _) = try run(
      retry, failing: .max, .memory, resources: Resources(memory: declared))
    #expect(executor.jobs.map(\.resources.memory) == gigabytes.map { $0 << 30 })
  }

  @Test func whatSaidNothingOfMemoryIsTriedWithTheWholeMachinesRoomAndNoLimit() throws {
    let (report, executor, _, _) = try run(nil, failing: 1, .memory)
    #expect(report.state == .executed)
    #expect(executor.jobs.map(\.resources.memory) == [nil, nil])
    #expect(executor.jobs.map(\.resources.expectedMemory) == [nil, 8 << 30])
  }

  @Test func ofAGroupWhoFailedIsTriedAgainAlone() throws {
    let project = try Project()
    try project.add("n", "number", ["value": 5])
    for by in [2, 13, 4] {
      let i = try project.add(
        "s\(by)", "scaled", ["by": .integer(by)], inputs: ["number": ["n"]])
      project.instances[i].retry = Retry(times: 1)
    }
    let executor = project.executor()
    let report = try project.run(executor, jobs: 1, keepGoing: true)
    #expect(executor.jobs.map { $0.members.map(\.name) } == [["n"], ["s2", "s13", "s4"], ["s13"]])
    #expect(report.names(.failed) == ["s13"])
    #expect(report["s2"].attempts == 1)
  }
}

/// Room in memory for what doesn't say what it takes.
@Suite struct MemoryGuessTests {
  /// Four numbers that take so much each, run twice with other values; how many ran at a time.
  private func most(peak: Int, declared: Int? = nil) throws -> [Int] {
    let project = try Project()
    for i in 0..<4 {
      try project.add(
        "n[\(i)]", "number", ["value": .integer(i)], resources: Resources(memory: declared))
    }
    return try (0..<2).map { time in
      for i in 0..<4 { try project.change("n[\(i)]", ["value": .integer(10 * time + i)]) }
      let executor = project.executor()
      executor.facts = ["host": "test", "peakMemory": .integer(peak)]
      #expect(try project.run(executor, jobs: 4).executed == 4)
      #expect(executor.jobs.allSatisfy { $0.resources.memory == declared })
      return executor.most
    }
  }

  @Test func thePeakOfEarlierRunsMakesRoom() throws {
    // The machine has 8 GiB.
    #expect(try most(peak: 3 << 30) == [4, 2])
    #expect(try most(peak: 1 << 30) == [4, 4])
  }

  @Test func whatTookMoreThanThereIsRunsAlone() throws { #expect(try most(peak: 30 << 30) == [4, 1]) }

  @Test func whatAStageSaysGoesBeforeWhatItTook() throws {
    #expect(try most(peak: 3 << 30, declared: 1 << 30) == [4, 4])
    #expect(try most(peak: 1 << 30, declared: 4 << 30) == [2, 2])
  }

  @Test func aStageThatNeverRanIsThoughtLikeOthersOfItsKind() throws {
    let project = try Project()
    try project.add("n", "number", ["value": 1])
    let first = project.executor()
    first.facts = ["peakMemory": .integer(3 << 30)]
    try project.run(first)
    for i in 0..<4 { try project.add("m[\(i)]", "number", ["value": .integer(10 + i)]) }
    let executor = project.executor()
    try project.run(executor, jobs: 4)
    #expect(executor.most == 2)
  }
}
