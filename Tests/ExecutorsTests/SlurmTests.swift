import Canonical
import ContentStore
import Executors
import FakeSlurm
import Foundation
import Testing
import Workflow

/// A project's folder with a store, beside a cluster.
private final class Cluster {
  let bench: Workbench
  let slurm: FakeSlurm
  let events = EventQueue<ExecutorEvent>()
  private(set) var executor: SlurmExecutor!
  private let settings: SlurmSettings
  private let program: String

  static let patience: SlurmPatience = {
    var patience = SlurmPatience()
    patience.quiet = 0.05
    patience.poll = 0.02...0.05
    patience.look = 0.2...0.2
    patience.result = 0.2
    return patience
  }()

  init(_ settings: SlurmSettings = SlurmSettings(), program: String = "test worker 1") throws {
    bench = try Workbench()
    slurm = try FakeSlurm(in: bench.folder.appendingPathComponent("slurm"))
    self.settings = settings
    self.program = program
    try start()
  }

  deinit {
    executor.shutdown()
    slurm.end()
  }

  /// A driver; one before is gone, as a killed one is.
  func start() throws {
    executor?.shutdown()
    var settings = settings
    settings.binary = settings.binary ?? Workbench.worker
    executor = try SlurmExecutor(
      settings, store: store, identity: ProgramIdentity(program, KindCatalogue([])),
      environment: ["PATH": "\(slurm.programs):/usr/bin:/bin"], patience: Cluster.patience)
    executor.start { [events] in events.post($0) }
  }

  var store: String { bench.folder.appendingPathComponent("store").path }
  var spool: [String] {
    ((try? FileManager.default.contentsOfDirectory(atPath: store + "/slurm")) ?? []).sorted()
  }

  /// Waits for the results of jobs that were submitted.
  func results(
    of jobs: [Job], whileRunning act: (ExecutorEvent) throws -> Void = { _ in }
  ) throws -> [Int: JobResult] {
    var results: [Int: JobResult] = [:]
    var open = Set(jobs.map(\.id))
    try waitUntil {
      guard let event = events.next(timeout: 0.1) else { return open.isEmpty }
      switch event {
      case .finished(let instance, let result, _): results[instance] = result
      case .lost(let instances, let failure, _):
        for instance in instances { results[instance] = .failure(failure) }
      case .ended(let job): open.remove(job)
      case .started, .progress, .saved: break
      }
      try act(event)
      return open.isEmpty
    }
    return results
  }

  func run(_ jobs: Job..., whileRunning act: (ExecutorEvent) throws -> Void = { _ in }) throws -> [Int:
    JobResult]
  {
    for job in jobs { try executor.submit(job) }
    return try results(of: jobs, whileRunning: act)
  }

  func failure(_ result: JobResult?) throws -> Failure {
    guard case .failure(let failure)? = result else {
      Issue.record("it did not fail: \(String(describing: result))")
      return Failure(.other, "")
    }
    return failure
  }

  func say(_ text: String, id: Int, seconds: Double = 0, resources: Resources = Resources()) -> Job {
    var job = bench.job(
      "say", id: id, ["text": .string(text), "seconds": .number(seconds)], outputs: ["words"])
    job.resources = resources
    return job
  }
}

@Suite struct SlurmTests {
  @Test func aTasksOutputsLogAndFactsComeBack() throws {
    let cluster = try Cluster()
    let job = cluster.say("hello", id: 7)
    var began = false
    let results = try cluster.run(job) { if case .started(7) = $0 { began = true } }
    let (texts, artifacts, facts) = try cluster.bench.success(try #require(results[7]), of: job)
    #expect(texts == ["words": "hello"])
    #expect(artifacts["words"] == Artifact(.blob, .of("hello".utf8), size: 5))
    #expect(facts["slurm"] == ["job": "1_0", "node": "n1", "attempt": 0])
    #expect(facts["program"] == "test worker 1")
    #expect(cluster.bench.logText(7) == "saying hello\n")
    #expect(began)
    // Nobody needs the spool's copy once the result is recorded.
    cluster.executor.settled(job.members[0].action.key)
    try waitUntil { cluster.spool.isEmpty }
  }

  @Test func jobsOfOneNeedGoOutInOneCallWithWhatTheyAskFor() throws {
    var settings = SlurmSettings(partition: "long", account: "lab", words: ["--qos=night", "--exclusive"])
    settings.needs = [:]
    let cluster = try Cluster(settings)
    let large = Resources(cpus: 8, memory: 3 << 30, gpus: 2, time: 61)
    let jobs = (0..<6).map { cluster.say("\($0)", id: $0, resources: $0 % 2 == 0 ? large : Resources()) }
    for job in jobs { try cluster.executor.submit(job) }
    let results = try cluster.results(of: jobs)
    for (id, job) in jobs.enumerated() {
      #expect(try cluster.bench.success(try #require(results[id]), of: job).texts == ["words": "\(id)"])
    }
    let calls = cluster.slurm.calls()
    #expect(calls.count == 2)
    let words = Set(calls[0].split(separator: " ").map(String.init))
    #expect(
      words.isSuperset(of: [
        "--array=0-2", "--cpus-per-task=8", "--mem=3072M", "--gres=gpu:2", "--time=3", "--partition=long",
        "--account=lab", "--qos=night", "--exclusive", "--requeue", "--export=PATH,HOME,LD_LIBRARY_PATH",
      ]))
    let plain = calls[1].split(separator: " ").map { $0.prefix { $0 != "=" } }
    #expect(!plain.contains("--mem") && !plain.contains("--gres") && !plain.contains("--time"))
    #expect(plain.contains("--cpus-per-task"))
  }

  @Test func threadsFollowWhatSlurmGrantsAndGPUsAreThoseItNames() throws {
    let cluster = try Cluster()
    let threads = cluster.bench.job("threads", id: 0, ["awaited": 2], outputs: ["counts"])
    var gpus = cluster.bench.command("echo $CUDA_VISIBLE_DEVICES > ${out.gpu}", outputs: ["gpu"])
    (gpus.id, gpus.members[0].instance, gpus.resources.gpus) = (1, 1, 1)
    let results = try cluster.run(threads, gpus)
    #expect(try cluster.bench.success(try #require(results[0]), of: threads).texts == ["counts": "2"])
    #expect(try cluster.bench.success(try #require(results[1]), of: gpus).texts == ["gpu": "GPU-7\n"])
  }

  @Test func failuresOfTheWorkComeBackAsTheyWouldFromAWorkerHere() throws {
    let cluster = try Cluster()
    var slow = cluster.say("x", id: 3, seconds: 100)
    slow.resources.time = 0.3
    let results = try cluster.run(
      cluster.bench.job("ending", id: 0, ["how": "well, badly"]),
      cluster.bench.job("ending", id: 1, ["how": "exit"]),
      cluster.bench.job("ending", id: 2, ["how": "kill"]), slow)
    #expect(try cluster.failure(results[0]).message.contains("loss is NaN (well, badly)"))
    #expect(try cluster.failure(results[1]).cause == .exitStatus(3))
    #expect(try cluster.failure(results[2]).cause == .signal(9))
    #expect(try cluster.failure(results[3]).cause == .time)
  }

  @Test func membersOfAGroupComeBackOneByOneEachWithItsOwnResult() throws {
    let cluster = try Cluster()
    var job = cluster.bench.job("choir", id: 0, ["voice": "alto"], outputs: ["song"])
    for (i, how) in [(1, "throw"), (2, "well")] {
      var other = cluster.bench.job(
        "choir", id: i, ["voice": .string("voice \(i)"), "how": .string(how)], outputs: ["song"]
      ).members[0]
      other.instance = 10 + i
      job.members.append(other)
    }
    let results = try cluster.run(job)
    #expect(Set(results.keys) == [0, 11, 12])
    _ = try cluster.bench.success(try #require(results[0]), of: job)
    #expect(try cluster.failure(results[11]).cause == .other)
    _ = try cluster.bench.success(try #require(results[12]), of: job, member: 2)
    #expect(cluster.slurm.calls().count == 1)
  }

  @Test(
    arguments: [
      ("CANCELLED", .cancelled, "Slurm's task 1_1 was cancelled on the cluster (scancel)"),
      ("TIMEOUT", .time, "at its time limit"), ("DEADLINE", .time, "at its time limit"),
      ("OUT_OF_MEMORY", .memory, "its 2G of memory (resources: memory)"),
      ("NODE_FAIL", .signal(9), "was lost with its node"),
      ("BOOT_FAIL", .signal(9), "was lost with its node"),
      ("PREEMPTED", .signal(15), "was preempted"), ("FAILED", .other, "ended (FAILED) and left no result"),
    ] as [(String, Failure.Cause, String)])
  func whatSlurmTookIsThatTasksFailureAlone(_ state: String, _ cause: Failure.Cause, _ words: String) throws {
    let cluster = try Cluster()
    let needs = Resources(memory: 2 << 30)
    let jobs = [
      cluster.say("short", id: 0, resources: needs),
      cluster.say("long", id: 1, seconds: 100, resources: needs),
    ]
    let results = try cluster.run(jobs[0], jobs[1]) { event in
      if case .started(1) = event { cluster.slurm.lose("1_1", state: state) }
    }
    _ = try cluster.bench.success(try #require(results[0]), of: jobs[0])
    let failure = try cluster.failure(results[1])
    #expect(failure.cause == cause)
    #expect(failure.message.contains(words))
    #expect(cluster.slurm.calls().count == 1)
  }

  @Test func aTaskThatIsCancelledLeavesNoResultOfItsOwn() throws {
    let cluster = try Cluster()
    let job = cluster.say("long", id: 0, seconds: 100)
    let results = try cluster.run(job) { event in
      if case .started = event { try cluster.slurm.cancel("1_0") }
    }
    #expect(try cluster.failure(results[0]).cause == .cancelled)
  }

  @Test func aTaskThatSlurmHasForgottenIsLost() throws {
    let cluster = try Cluster()
    let job = cluster.say("long", id: 0, seconds: 100)
    let results = try cluster.run(job) { event in
      guard case .started = event else { return }
      cluster.slurm.lose("1_0", state: "FAILED")
      cluster.slurm.forget("1")
    }
    let failure = try cluster.failure(results[0])
    #expect(failure.cause == .signal(9))
    #expect(failure.message.contains("Slurm doesn't know it any more"))
  }

  @Test func aControllerThatDoesNotAnswerMeansNothing() throws {
    let cluster = try Cluster()
    cluster.slurm.setReachable(false)
    let job = cluster.say("x", id: 0, seconds: 1.5)
    let results = try cluster.run(job)
    _ = try cluster.bench.success(try #require(results[0]), of: job)
    #expect(cluster.slurm.calls("squeue").count > 2)
  }

  @Test func theFirstOfAnOrphanAndItsSuccessorHasPublishedAndTheOtherChangesNothing() throws {
    let cluster = try Cluster()
    let file = cluster.bench.folder.appendingPathComponent("attempts").path
    // The first attempt goes on until the second has ended.
    let line = """
      echo x >> '\(file)'; if [ $(wc -l < '\(file)') = 1 ]; then while [ ! -e '\(file).go' ]; do sleep 0.02; done; \
      echo orphan > ${out.who}; else echo successor > ${out.who}; fi
      """
    let job = cluster.bench.command(line, outputs: ["who"])
    var submission = ""
    let results = try cluster.run(job) { event in
      guard case .started = event else { return }
      try waitUntil { FileManager.default.fileExists(atPath: file) }
      submission = cluster.store + "/slurm/" + cluster.spool[0]
      try cluster.slurm.requeue("1_0", attempt: 1)
    }
    #expect(try cluster.bench.success(try #require(results[0]), of: job).texts == ["who": "successor\n"])
    let record = URL(fileURLWithPath: submission + "/0.0.done.json")
    let published = try Data(contentsOf: record)
    try Data().write(to: URL(fileURLWithPath: file + ".go"))
    try waitUntil { processes(mentioning: cluster.bench.folder).isEmpty }
    #expect(try Data(contentsOf: record) == published)
    let seen = try JSON(parsing: published)
    #expect(seen["task"]?["attempt"] == 1)
  }

  @Test func aDriverThatIsStartedAgainGoesOnWithWhatIsQueuedRunningOrFinished() throws {
    let cluster = try Cluster()
    // Finished while nobody waited, running, and queued.
    cluster.slurm.hold(true)
    let jobs = [
      cluster.say("finished", id: 0), cluster.say("running", id: 1, seconds: 2), cluster.say("queued", id: 2),
    ]
    for job in jobs { try cluster.executor.submit(job) }
    try waitUntil { cluster.slurm.calls().count == 1 && cluster.slurm.states.count == 3 }
    cluster.executor.shutdown()
    #expect(
      cluster.executor.goingOn
        == "3 instances are left queued or running on the cluster (Slurm job 1). The same command goes on with them; "
        + "`scancel 1` ends them")
    cluster.slurm.hold(false)
    try waitUntil { cluster.slurm.states["1_0"] == "COMPLETED" }
    try cluster.start()
    // Under other numbers, as another run has them, and with one that is new.
    var again = jobs
    for i in again.indices { (again[i].id, again[i].members[0].instance) = (i + 10, i + 20) }
    let fresh = cluster.say("new", id: 3)
    for job in again + [fresh] { try cluster.executor.submit(job) }
    let results = try cluster.results(of: again + [fresh])
    #expect(Set(results.keys) == [20, 21, 22, 3])
    for (i, text) in ["finished", "running", "queued"].enumerated() {
      #expect(try cluster.bench.success(try #require(results[20 + i]), of: again[i]).texts == ["words": text])
    }
    let arrays = cluster.slurm.calls().map { $0.split(separator: " ").first { $0.hasPrefix("--array") } }
    #expect(arrays == ["--array=0-2", "--array=0-0"])
  }

  @Test func aSubmissionWhoseNumberWasNotHeardIsFoundByItsName() throws {
    let cluster = try Cluster()
    let job = cluster.say("long", id: 0, seconds: 1)
    try cluster.executor.submit(job)
    try waitUntil { cluster.spool.count == 1 && cluster.slurm.states["1_0"] == "RUNNING" }
    cluster.executor.shutdown()
    // As if the driver had been killed as sbatch ended.
    unlink("\(cluster.store)/slurm/\(cluster.spool[0])/job")
    try cluster.start()
    let results = try cluster.run(job) {
      if case .started = $0 { cluster.slurm.lose("1_0", state: "CANCELLED") }
    }
    #expect(try cluster.failure(results[0]).cause == .cancelled)
    #expect(cluster.slurm.calls().count == 1)
  }

  @Test func aResultWhoseBytesAreGoneIsComputedAgain() throws {
    let cluster = try Cluster()
    // More than fits into a record.
    let line = "head -c 40000 /dev/zero | tr '\\0' x > ${out.big}"
    let job = cluster.bench.command(line, outputs: ["big"])
    try cluster.executor.submit(job)
    try waitUntil { cluster.slurm.states["1_0"] == "COMPLETED" }
    cluster.executor.shutdown()
    while cluster.events.next(timeout: 0) != nil {}
    try FileManager.default.removeItem(atPath: cluster.store + "/blobs")
    try cluster.start()
    let results = try cluster.run(job)
    #expect(try cluster.bench.success(try #require(results[0]), of: job).texts["big"]?.count == 40_000)
    #expect(cluster.slurm.calls().count == 2)
  }

  @Test func whatFailedAndIsTriedAgainIsSubmittedAgain() throws {
    let cluster = try Cluster()
    let marker = cluster.bench.folder.appendingPathComponent("marker").path
    let line = "if [ -e '\(marker)' ]; then echo well > ${out.out}; else touch '\(marker)'; exit 4; fi"
    let job = cluster.bench.command(line, outputs: ["out"])
    #expect(try cluster.failure(try cluster.run(job)[0]).cause == .exitStatus(4))
    #expect(
      try cluster.bench.success(try #require(try cluster.run(job)[0]), of: job).texts == ["out": "well\n"])
    #expect(cluster.slurm.calls().count == 2)
  }

  @Test func statesThatATaskSavesReachTheDriver() throws {
    let cluster = try Cluster()
    let job = cluster.bench.job("walker", id: 0, ["steps": 3], outputs: ["way"])
    var points: [Int] = []
    let results = try cluster.run(job) { if case .saved(0, let state, _) = $0 { points.append(state.point) } }
    #expect(try cluster.bench.success(try #require(results[0]), of: job).texts == ["way": "xxx"])
    #expect(points == [1, 2, 3])
  }

  @Test func anAttemptThatIsRequeuedGoesOnFromTheLastStateOfTheOneBefore() throws {
    let cluster = try Cluster()
    // Its worker is killed before the third step, and Slurm tells its task to end.
    let line = ["steps": 5, "bytes": 40_000, "pause": 2] as JSON
    let job = cluster.bench.job("walker", id: 0, line, outputs: ["way"])
    var points: [Int] = []
    let results = try cluster.run(job) { event in
      guard case .saved(0, let state, _) = event else { return }
      points.append(state.point)
      guard state.point == 2 else { return }
      cluster.slurm.lose("1_0", state: "PENDING")
      try cluster.slurm.requeue("1_0", attempt: 1)
    }
    let (texts, _, facts) = try cluster.bench.success(try #require(results[0]), of: job)
    #expect(texts == ["way": "xxxxx"])
    #expect(points == [1, 2, 3, 4, 5])
    #expect(facts["slurm"]?["attempt"] == 1)
    #expect(cluster.bench.logText().contains("resumed after step 2"))
  }

  @Test func whatSbatchRefusesFailsWithItsWords() throws {
    let cluster = try Cluster()
    cluster.slurm.refuse("sbatch: error: invalid partition specified: nope")
    let results = try cluster.run(cluster.say("x", id: 0), cluster.say("y", id: 1))
    for id in 0...1 {
      #expect(
        try cluster.failure(results[id]).message
          == "sbatch refused it: sbatch: error: invalid partition specified: nope")
    }
    #expect(cluster.spool.isEmpty)
  }

  @Test func anotherProgramOnTheClusterComputesNothing() throws {
    let cluster = try Cluster(program: "test worker 2")
    let message = try cluster.failure(try cluster.run(cluster.say("x", id: 0))[0]).message
    #expect(message.contains("on the cluster is test worker 1, but test worker 2 submitted this"))
  }

  @Test func aProgramThatIsNotThereIsNamed() throws {
    let cluster = try Cluster(SlurmSettings(binary: "/nowhere/bobbin"))
    let message = try cluster.failure(try cluster.run(cluster.say("x", id: 0))[0]).message
    #expect(message.contains("ended (FAILED) and left no result"))
    #expect(message.contains("/nowhere/bobbin: not found"))
  }

  @Test func withoutSlurmThereIsNoExecutor() throws {
    #expect {
      _ = try SlurmExecutor(
        SlurmSettings(), store: "/nowhere", identity: ProgramIdentity("x", KindCatalogue([])),
        environment: ["PATH": "/nowhere"])
    } throws: { "\($0)".contains("there is no sbatch on PATH") }
  }

  @Test func fiveHundredInstancesCostFewCallsAndMillisecondsEach() throws {
    let cluster = try Cluster()
    cluster.slurm.copyFirstResult()
    let jobs = (0..<500).map {
      cluster.say("same", id: $0, resources: Resources(cpus: 1 + $0 % 4))
    }
    let before = processorSeconds()
    for job in jobs { try cluster.executor.submit(job) }
    let results = try cluster.results(of: jobs)
    let each = (processorSeconds() - before) / 500
    print(
      "500 instances: \(cluster.slurm.calls().count) sbatch calls, \((each * 1e6).rounded() / 1000) ms of driver time each"
    )
    #expect(results.count == 500)
    #expect(results.values.allSatisfy { if case .success = $0 { true } else { false } })
    #expect(cluster.slurm.calls().count <= 40)
  }

  /// Of this process alone: what the cluster does isn't the driver's.
  private func processorSeconds() -> Double {
    var usage = rusage()
    getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
    return Double(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec)
      + Double(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) * 1e-6
  }
}
