import Canonical
import ContentStore
import Foundation
import Testing
import Workflow

/// Room on the machine.
@Suite struct CapacityTests {
  /// A8: `--jobs` bounds how many run, not what one of them may need.
  @Test func oneJobMayTakeAllCores() throws {
    let project = try Project()
    try project.add("wide", "number", resources: Resources(cpus: 8))
    #expect(try project.run(jobs: 1).executed == 1)
  }

  @Test func whatAsksForMoreThanThereIsIsToldBeforeAnythingRuns() throws {
    let project = try Project()
    try project.add("a", "number", ["value": 1])
    try project.add("x", "parity", inputs: ["number": ["a"]], resources: Resources(gpus: 2))
    let executor = project.executor()
    var first: String?
    let report = try project.run(
      executor,
      observe: { event in
        switch event {
        case .warning(let text): first = first ?? text
        case .started: first = first ?? "started"
        default: break
        }
      })
    #expect(first == "toy.yaml:2:3: stage 'x' needs 2 gpus, but there are 0")
    #expect(report["x"].message == first)
    // Where its result is there nobody minds.
    project.instances[1].resources = Resources()
    try project.run()
    project.instances[1].resources = Resources(gpus: 2)
    #expect(try project.run().warnings == [])
  }

  /// A8: narrow instances pass a wide one only so often.
  @Test func aWideInstanceDoesNotStarve() throws {
    let project = try Project()
    for i in 0..<40 {
      try project.add("n\(i)", "number", ["value": .integer(i)], resources: Resources(cpus: 1))
    }
    // Of all that can start, it is the first in turn; and there is never room for it while others may pass.
    try project.add("wide", "number", ["value": 99], resources: Resources(cpus: 2))
    try project.add("after", "parity", inputs: ["number": ["wide"]])
    try project.add("long", "parity", inputs: ["number": ["after"]])
    let executor = project.executor()
    executor.capacity = Resources(cpus: 2)
    // One narrow job runs already when the wide one comes, and each that ends makes room for the next.
    let report = try project.run(executor, jobs: 2)
    #expect(report.executed == 43)
    let place = try #require(executor.ran.firstIndex(of: "wide"))
    #expect(place <= 10)
  }
}

/// Where jobs have machines of their own, and some stay on the driver's.
@Suite struct ElsewhereTests {
  private func executor(_ project: Project) -> InProcessExecutor {
    let executor = project.executor()
    executor.jobsShareMachine = false
    executor.capacity = Resources(cpus: 1 << 40, gpus: 1 << 40)
    executor.capacityHere = Resources(cpus: 2)
    return executor
  }

  @Test func aGroupStaysTogetherHoweverManyMayRun() throws {
    let project = try Project()
    try project.add("n", "number", ["value": 7])
    for by in 1...10 { try project.add("s\(by)", "scaled", ["by": .integer(by)], inputs: ["number": ["n"]]) }
    let executor = executor(project)
    #expect(try project.run(executor, jobs: 1000).executed == 11)
    #expect(executor.jobs.map(\.members.count) == [1, 10])
  }

  @Test func whatStaysHereTakesItsRoomAndKeepsNobodyElsewhereWaiting() throws {
    let project = try Project()
    var here = Resources(cpus: 2)
    here.isHere = true
    for i in 0..<3 { try project.add("here\(i)", "number", ["value": .integer(i)], resources: here) }
    for i in 0..<20 {
      try project.add("there\(i)", "number", ["value": .integer(100 + i)], resources: Resources(cpus: 64))
    }
    let executor = executor(project)
    #expect(try project.run(executor, jobs: 1000).executed == 23)
    let places = executor.jobs.map { $0.resources.isHere }
    // One at a time of those, beside all the others.
    #expect(places.prefix(21).filter { $0 }.count == 1)
    #expect(places.filter { $0 }.count == 3)
    // Nothing is lent among machines.
    #expect(executor.threads.allSatisfy { $0.hasSuffix(" 64") || $0.hasPrefix("here") && $0.hasSuffix(" 2") })
    here.cpus = 3
    try project.add("wide", "number", ["value": 9], resources: here)
    #expect(
      try project.run(executor, jobs: 9)["wide"].message?.contains("needs 3 cpus, but there are 2") == true)
  }

  @Test func aKindsUsualNeedsFillInForAStageThatSaysLess() throws {
    let project = try Project()
    try project.add("plain", "number", ["value": 1])
    try project.add(
      "large", "number", ["value": 2], resources: Resources(cpus: 16, memory: 1 << 30, gpus: 0, time: 5))
    var here = Resources()
    here.isHere = true
    try project.add("here", "number", ["value": 3], resources: here)
    let executor = executor(project)
    let usual = Resources(cpus: 4, memory: 2 << 30, gpus: 1, time: 60)
    try project.run(executor, needs: ["number": usual, "parity": Resources(cpus: 9)])
    let needs = Dictionary(uniqueKeysWithValues: executor.jobs.map { ($0.members[0].name, $0.resources) })
    #expect(needs["plain"] == usual)
    #expect(needs["large"] == Resources(cpus: 16, memory: 1 << 30, gpus: 1, time: 5))
    #expect(needs["here"] == here)
  }

  @Test func theExecutorLearnsWhatIsRecordedAndWhatFailedForGood() throws {
    let project = try Project()
    try project.add("well", "number", ["value": 1])
    try project.add("badly", "number", ["value": 2])
    let executor = executor(project)
    executor.instead = { $0 == "badly" ? .failure(Failure(.cancelled, "cancelled")) : nil }
    let report = try project.run(executor, keepGoing: true)
    // What somebody cancelled isn't tried again.
    #expect(executor.ran.filter { $0 == "badly" }.count <= 1)
    #expect(report.failed == 1)
    #expect(Set(executor.settled) == Set(report.instances.compactMap(\.key)))
  }
}

/// Cores that no instance needs.
@Suite struct CoreSharesTests {
  /// Divides 8 cores among jobs, one after the other; what each has.
  @Test func coresAreLentAndTakenBack() {
    var shares = CoreShares()
    func changes(_ free: Int) -> [String] { shares.divide(free).map { "\($0.job): \($0.threads)" } }
    shares.add(1, cpus: 1, .any)
    #expect(changes(7) == ["1: 8"])
    shares.add(2, cpus: 1, .any)
    #expect(changes(6) == ["1: 4", "2: 4"])
    #expect(changes(6) == [])
    // One that can't use more takes its own.
    shares.add(3, cpus: 1, .one)
    #expect(changes(5) == ["2: 3"])
    shares.add(4, cpus: 4, .any)
    #expect(changes(1) == ["1: 2", "2: 1"])
    shares.remove(1)
    #expect(changes(2) == ["2: 3"])
    shares.remove(3)
    shares.remove(4)
    #expect(changes(7) == ["2: 8"])
    // More may run than there are cores: nobody has less than its own.
    #expect(changes(-3) == ["2: 1"])
    shares.remove(2)
    #expect(changes(8) == [])
  }

  @Test func whoIsLeftAloneHasTheMachine() throws {
    let project = try Project()
    for i in 0..<2 { try project.add("n\(i)", "number", ["value": .integer(i)]) }
    try project.add("p", "parity", inputs: ["number": ["n0"]])
    let executor = project.executor()
    _ = try project.run(executor, jobs: 4)
    // Nothing is lent that the next one needs; and it is withdrawn before that starts.
    #expect(Array(executor.threads.prefix(4)) == ["n0 7", "n0 4", "n1 4", "n1 8"])
    #expect(executor.threads.contains("p 1"))
    #expect(executor.ran.count == 3)
  }

  @Test func anInstanceKeepsWhatItAsksFor() throws {
    let project = try Project()
    try project.add("n", "number", resources: Resources(cpus: 2))
    try project.add("wide", "parity", inputs: ["number": ["n"]], resources: Resources(cpus: 3))
    let executor = project.executor()
    _ = try project.run(executor, jobs: 1)
    #expect(executor.threads == ["n 8", "wide 3"])
  }
}

/// Displays, and what they may do to a run.
@Suite struct ObserverTests {
  private struct Broken: Error {}

  @Test func aDisplayThatThrowsEndsNothing() throws {
    let project = try Project()
    try project.add("a", "number")
    try project.add("b", "parity", inputs: ["number": ["a"]])
    #expect(try project.run(observe: { _ in throw Broken() }).executed == 2)
  }

  /// With real threads: the display never comes back, and the run ends all the same.
  @Test func aDisplayThatBlocksEndsNothing() throws {
    let project = try Project()
    try project.add("a", "number")
    try project.run()
    let executor = project.executor()
    let gate = DispatchSemaphore(value: 0)
    let run = try Run(
      project.graph, store: project.store, executor: executor,
      options: RunOptions(jobs: 1, environment: project.environment)
    ) { _ in gate.wait() }
    #expect(run.run().cached == 1)
    for _ in 0..<10 { gate.signal() }
  }

  @Test func aRunThatIsInterruptedBeforeItBeginsStartsNothing() throws {
    let project = try Project()
    try project.add("a", "number")
    let executor = project.executor()
    let run = try Run(
      project.graph, store: project.store, executor: executor,
      options: RunOptions(jobs: 1, environment: project.environment))
    run.interruption()
    let report = run.run()
    #expect(report.interrupted)
    #expect(report.counts == [0, 0, 0, 1])
  }
}
