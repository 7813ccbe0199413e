// Owns bringing a graph up to date: what is up to date stays, the rest runs as soon as what it reads is there. The
// pair of "Build Systems à la Carte" is a topological scheduler with constructive traces and early cutoff. It knows
// no kind, and doesn't print.

import Canonical
import ContentStore
import Foundation
import Synchronization

/// One run of a graph.
public final class Run {
  /// What an instance is about.
  enum Phase {
    /// What it reads isn't known, or its key hasn't been looked up.
    case waiting
    /// It has to run and waits for its turn.
    case queued
    /// The instance with the same key (its index) is to run for both.
    case following(Int)
    /// It waits until the producers of lost blobs have run again.
    case blocked
    case running
    case done
  }

  /// What a job was started with.
  struct RunningJob {
    var action: Action
    var started: Date
    /// Whether it runs for its bytes, its record being there.
    var isRebuild: Bool
  }

  let graph: Graph
  let store: Store
  let executor: any Executor
  let options: RunOptions
  let observe: (RunEvent) -> Void
  let scope: Set<Int>
  let keys: KeySource
  let resolution: Resolution
  let explainer: Explainer
  let blobs: BlobTree
  var queue: JobQueue
  var tokens: Tokens
  let capacity: Resources

  var phases: [Phase]
  var reports: [InstanceReport?]
  var reasons: [Int: Reason] = [:]
  var running: [Int: RunningJob] = [:]
  /// The instance that runs, or is to run, for a key, and those it does that for besides itself.
  var leaders: [Digest: Int] = [:]
  var followers: [Int: [Int]] = [:]
  /// Those that wait for a rebuild, by the instance that is rebuilt.
  var waiters: [Int: [Int]] = [:]
  var rebuilds: Set<Int> = []
  /// Why an instance that is skipped could not run, where that isn't plain from what it reads.
  var obstacles: [Int: String] = [:]
  var codeBlobs: [Digest: WrittenBlob] = [:]
  /// Nothing starts any more.
  var isStopping = false
  var interrupted = false
  var storeProblems: [String] = []
  var warnings: [String] = []
  var unpublished = 0
  private var unreadRecords = 0
  private let storeWarnings = Mailbox()
  private let events = EventQueue<ExecutorEvent>()

  /// Looks at the files outside the pipeline, once.
  /// - Throws: `DecodingIssue` for external files or code that can't be read, `StoreError`.
  public init(
    _ graph: Graph, store: Store, executor: any Executor, options: RunOptions,
    observe: @escaping (RunEvent) -> Void = { _ in }
  ) throws {
    self.graph = graph
    self.store = store
    self.executor = executor
    self.options = options
    self.observe = observe
    scope = options.targets.map { graph.closure(of: $0) } ?? Set(graph.instances.indices)
    keys = try KeySource(graph, scope: scope.sorted(), store: store, environment: options.environment)
    resolution = Resolution(graph, keys: keys, scope: scope, store: store, remote: options.remote)
    explainer = Explainer(graph, keys: keys, store: store)
    blobs = BlobTree(store)
    queue = JobQueue(graph)
    capacity = executor.capacity
    tokens = Tokens(capacity)
    phases = Array(repeating: .waiting, count: graph.instances.count)
    reports = Array(repeating: nil, count: graph.instances.count)
  }

  /// Runs until everything in scope is up to date, has failed or can't be reached. Call it once.
  /// - Throws: `StoreError` where not even reading the store works. Whatever else goes wrong is in the report.
  public func run() throws -> RunReport {
    let start = options.now()
    if let remote = options.remote {
      let mailbox = storeWarnings
      store.attach(remote) { mailbox.put($0) }
    }
    let events = events
    executor.start { events.post($0) }
    do {
      try lookUp(isFirst: true)
      while true {
        if options.isInterrupted() {
          interrupted = true
          break
        }
        try lookUp()
        try startWhatFits()
        if running.isEmpty {
          if !isStopping, try rebuildRequired() { continue }
          break
        }
        if let event = events.next(timeout: 0.1) { try handle(event) }
        relayWarnings()
      }
    } catch {
      executor.shutdown()
      try? remember()
      throw error
    }
    if !running.isEmpty { executor.shutdown() }
    relayWarnings()
    skipTheRest()
    do { try remember() } catch { fault("\(error)") }
    return RunReport(
      instances: scope.sorted().map { reports[$0]! }, seconds: options.now().timeIntervalSince(start),
      interrupted: interrupted, storeProblems: storeProblems, warnings: warnings)
  }

  /// Looks up all whose inputs are known, and queues those that have to run.
  private func lookUp(isFirst: Bool = false) throws {
    var cached = 0
    for (i, answer) in try resolution.advance() {
      switch answer {
      case .hit:
        let before = reports[i]
        phases[i] = .done
        reports[i] = report(
          i, before?.state == .executed ? .executed : .cached, seconds: before?.seconds ?? 0)
        cached += 1
        if !isFirst { observe(.finished(reports[i]!)) }
      case .miss(let action, let undeclared):
        reasons[i] = try undeclared.map { .outputUndeclared($0) } ?? explainer.reason(i, action)
        if let leader = leaders[action.key] {
          phases[i] = .following(leader)
          followers[leader, default: []].append(i)
        } else {
          leaders[action.key] = i
          enqueue(i)
        }
      }
    }
    if isFirst { observe(.planned(total: scope.count, cached: cached)) }
    relayWarnings()
  }

  /// What the store and the lookup had to say of the remote.
  private func relayWarnings() {
    for message in storeWarnings.empty() { warn(message) }
    let problems = resolution.remoteProblems
    resolution.remoteProblems = []
    for problem in problems {
      if case .record = problem {
        warn("\(options.remote!): \(problem). It was not used")
        continue
      }
      unreadRecords += 1
      // A remote that is away fails for each instance; once in full is enough.
      if unreadRecords == 1 { fault("\(problem)") } else { storeProblems.append("\(problem)") }
    }
  }

  func enqueue(_ i: Int) {
    phases[i] = .queued
    queue.insert(i, graph.instances[i].resources)
  }

  private func startWhatFits() throws {
    while !isStopping, running.count < max(1, options.jobs) {
      guard let i = queue.next(where: { tokens.fits($0) || $0.lacking(in: capacity) != nil }) else { return }
      // An entry may be left from before the instance was looked up afresh.
      guard case .queued = phases[i] else { continue }
      if let lacking = graph.instances[i].resources.lacking(in: capacity) {
        let place = graph.instances[i].place
        fail(i, "\(place.line == 0 ? "" : "\(place): ")stage '\(graph.instances[i].stage)' needs \(lacking)")
        continue
      }
      try start(i)
    }
  }

  private func start(_ i: Int) throws {
    let instance = graph.instances[i]
    let action = keys.action(i, artifacts: resolution.artifacts)
    var inputs: [String: [JobInput]] = [:]
    for binding in instance.inputs {
      inputs[binding.name] = binding.sources.map { source in
        let origin = graph.instances[source.instance]
        return JobInput(
          artifact: resolution.artifacts[source.instance]![source.output]!,
          labels: binding.labelled ? origin.labels : [], stage: binding.labelled ? origin.stage : "")
      }
    }
    let (files, lost) = try blobs.open(inputs.values.joined().map(\.artifact))
    if !lost.isEmpty { return try rebuild(lost, for: i) }
    let log = graph.log(of: instance.name, in: store.directory)
    let member = JobMember(
      instance: i, name: instance.name, action: action, inputs: inputs,
      externals: Dictionary(instance.externals.map { ($0.name, $0.url.path) }) { first, _ in first },
      outputs: instance.outputs, environment: keys.environment(i), log: log.path)
    let job = Job(
      id: i, members: [member], files: files, resources: instance.resources, projectRoot: graph.project,
      store: store.directory.path)
    do {
      try FileManager.default.createDirectory(
        at: log.deletingLastPathComponent(), withIntermediateDirectories: true)
      try executor.submit(job)
    } catch {
      isStopping = true
      fail(i, "could not be started: \(error)")
      return
    }
    phases[i] = .running
    tokens.take(instance.resources)
    running[i] = RunningJob(action: action, started: options.now(), isRebuild: rebuilds.contains(i))
  }

  private func handle(_ event: ExecutorEvent) throws {
    switch event {
    case .started(let i): observe(.started(instance: i, reason: reasons[i] ?? .neverRun))
    case .progress(let i, let progress): observe(.progress(instance: i, progress))
    case .lost(let instances, let failure, let seconds):
      for i in instances { try handle(.finished(instance: i, .failure(failure), seconds: seconds)) }
    case .ended(let i): tokens.giveBack(graph.instances[i].resources)
    case .finished(let i, let result, let seconds):
      guard let job = running.removeValue(forKey: i) else {
        preconditionFailure("BUG: job \(i) ended without having been started")
      }
      phases[i] = .waiting
      switch result {
      case .failure where resolution.isOutdated(i):
        // It failed on inputs that were given up meanwhile; with the new ones it may not.
        release(i, job.action.key)
        resolution.recheck(i)
      case .failure(let failure) where failure.cause == .store:
        failPublishing(i, failure.message, seconds: seconds)
      case .failure(let failure): fail(i, failure.message, seconds: seconds)
      case .success(let artifacts, let blobs, let facts):
        if let lacking = graph.instances[i].outputs.first(where: { artifacts[$0.name] == nil }) {
          fail(i, "it ended well but gave no output '\(lacking.name)'", seconds: seconds)
        } else if let path = try keys.edited(i) {
          fail(
            i,
            "\(path) was edited while it ran, so its result belongs to no key and was thrown away. Run again.",
            seconds: seconds)
        } else {
          try finish(i, job, artifacts, blobs, facts, seconds: seconds)
        }
      }
    }
  }

  /// An instance failed, and with it those that share its key.
  func fail(_ i: Int, _ message: String, seconds: Double = 0) {
    for j in [i] + takeFollowers(of: i) {
      phases[j] = .done
      reports[j] = report(j, .failed, message: message, seconds: seconds)
      if j != i { reports[j]!.sharedWith = graph.instances[i].name }
      observe(.finished(reports[j]!))
    }
    if let key = resolution.key[i], leaders[key] == i { leaders[key] = nil }
    for waiter in waiters.removeValue(forKey: i) ?? [] {
      obstacles[waiter] = "'\(graph.instances[i].name)' failed, whose output is lost"
    }
    if !options.keepGoing { isStopping = true }
  }

  /// Those that `leader` runs for besides itself; from now on it does no more.
  func takeFollowers(of leader: Int) -> [Int] {
    (followers.removeValue(forKey: leader) ?? []).filter {
      if case .following(leader) = phases[$0] { true } else { false }
    }
  }

  func report(
    _ i: Int, _ state: InstanceReport.State, message: String? = nil, seconds: Double = 0
  ) -> InstanceReport {
    InstanceReport(
      instance: i, name: graph.instances[i].name, state: state, key: resolution.key[i],
      reason: state == .cached ? nil : reasons[i], message: message, seconds: seconds,
      artifacts: state == .executed || state == .cached ? resolution.artifacts[i] ?? [:] : [:])
  }

  private func skipTheRest() {
    let ending = interrupted ? "interrupted" : "not started after a failure"
    for i in graph.order where scope.contains(i) {
      if case .done = phases[i], reports[i] != nil { continue }
      let cause = graph.dependencies[i].lazy.compactMap { d -> String? in
        switch self.reports[d]?.state {
        case .failed: "'\(self.graph.instances[d].name)' failed"
        case .skipped where !self.interrupted: self.reports[d]!.message
        default: nil
        }
      }.first
      phases[i] = .done
      reports[i] = report(i, .skipped, message: obstacles[i] ?? cause ?? ending)
      observe(.finished(reports[i]!))
    }
  }

  /// Keeps in mind which key each instance has that is up to date.
  private func remember() throws {
    let entries = scope.sorted().compactMap { i -> (instance: String, key: Digest)? in
      guard let report = reports[i], report.state == .executed || report.state == .cached,
        let key = report.key
      else { return nil }
      return (report.name, key)
    }
    try store.remember(project: graph.project, file: graph.file, entries: entries)
  }

  func warn(_ message: String) {
    warnings.append(message)
    observe(.warning(message))
  }

  /// The store or a remote failed: a warning now, and in the exit status.
  func fault(_ message: String) {
    storeProblems.append(message)
    warn(message)
  }
}

/// Messages that may come from other threads.
private final class Mailbox: Sendable {
  private let messages = Mutex<[String]>([])

  func put(_ message: String) { messages.withLock { $0.append(message) } }

  func empty() -> [String] {
    messages.withLock { messages in
      defer { messages = [] }
      return messages
    }
  }
}
