// Owns the loop of a run: what is up to date stays, the rest runs as soon as what it reads is there. The pair of "Build
// Systems à la Carte" is a topological scheduler with constructive traces and early cutoff. The loop waits for
// happenings alone; looking up elsewhere, opening, publishing and uploading are errands beside it. It knows no kind.

import Canonical
import ContentStore
import Foundation

/// Brings a graph up to date. All of it lives on one thread.
final class Scheduler {
  let graph: Graph
  let store: any ResultStore
  let executor: any Executor
  let options: RunOptions
  let surroundings: any Surroundings
  let observe: Observer
  let scope: Scope
  let keys: KeySource
  let resolution: Resolution
  let explainer: Explainer
  let blobs: BlobTree
  /// Where records are looked for, in order; those that may be written have an outbox.
  let remotes: [GuardedRemote]
  var outboxes: [Outbox]
  let shared = SharedBlobs()

  var phases: Phases
  var claims = Claims()
  var queue: JobQueue
  var tokens: Tokens
  private let capacity: Resources
  let memoryGuesses: MemoryGuesses
  /// Bundles whose inputs are being opened, by number, with when that began.
  var opening: [Int: (needs: Resources, since: Double)] = [:]
  var room = WaitingRoom()
  /// What the jobs hold that run, by job.
  var running: [Int: Resources] = [:]
  /// What of the machine each of them may use.
  var shares = CoreShares()
  /// Those that wait for an instance that runs again for its bytes. Who has turned to other things since stays listed.
  var waiters: [Int: [Int]] = [:]
  var leases = Leases()
  var problems = Problems()
  /// What was said of files that commands open undeclared, by stage.
  var toldUses: [String: Set<String>] = [:]
  var stop: Stop?
  /// How many results are being written here.
  var writes = 0
  /// Those whose keys the store doesn't have and the remotes are to be asked for next.
  var asked: [Int] = []
  private var errands: [Int: Errand] = [:]
  private var timers: [(at: Double, act: () -> Void)] = []
  /// When to look whether the remote still answers.
  private var nextWatch = Double.infinity
  private var lastNumber = 0
  /// Those that were being computed when the run was interrupted.
  var cutShort = Set<Int>()
  /// The run's entry in the store's history.
  var entry: RunID?
  /// Whether the first pass is over, so that what is up to date is told one by one.
  private var isUnderWay = false
  /// What has become of the last one whose record was there.
  private var cached: (platform: Int64, phase: Phase)?
  /// Where each instance stands in the topological order.
  lazy var rank: [Int] = {
    var rank = [Int](repeating: 0, count: graph.instances.count)
    for (n, i) in graph.order.enumerated() { rank[i] = n }
    return rank
  }()

  /// Why nothing new starts.
  enum Stop { case failure, store, interruption }

  private struct Errand {
    var then: (any Sendable) -> Void
    /// What to do when a remote is given up while the errand may wait for it; nil where that doesn't matter.
    var giveUp: (() -> Void)?
    /// The remote that it waits for; nil: any.
    var remote: GuardedRemote?
  }

  init(
    _ graph: Graph, store: any ResultStore, executor: any Executor, options: RunOptions,
    surroundings: any Surroundings, observe: @escaping (RunEvent) throws -> Void
  ) throws {
    self.graph = graph
    self.store = store
    self.executor = executor
    self.options = options
    self.surroundings = surroundings
    self.observe = Observer(surroundings, observe)
    scope = Scope(graph, targets: options.targets)
    keys = try KeySource(
      graph, scope: scope, store: store, environment: options.environment, platform: options.platform
    )
    resolution = Resolution(graph, keys: keys, scope: scope, store: store)
    explainer = Explainer(graph, keys: keys, known: resolution, store: store)
    blobs = BlobTree(store)
    remotes = options.remotes.map { GuardedRemote($0) { [surroundings] in surroundings.now } }
    outboxes = remotes.filter { !$0.isReadOnly }.map { Outbox(remote: $0) }
    phases = Phases(count: graph.instances.count, scope: scope.count)
    queue = JobQueue(graph)
    capacity = executor.capacity
    tokens = Tokens(capacity, here: executor.capacityHere)
    memoryGuesses = MemoryGuesses(graph, store: store, most: capacity.memory)
  }

  /// Runs until everything in scope is up to date, has failed or can't be reached.
  func run() -> RunReport {
    let start = options.now()
    enter()
    let warnings = problems.mailbox
    if !remotes.isEmpty { store.attach(remotes) { warnings.put($0) } }
    executor.start { [surroundings] in surroundings.post(.executor($0)) }
    lookUp()
    isUnderWay = true
    observe.tell(
      .planned(total: scope.count, cached: scope.count { if case .done = phases[$0] { true } else { false } })
    )
    warnOfWhatCannotRun()
    let others = scope.filter { if case .done = phases[$0] { false } else { true } }
    if !others.isEmpty { observe.tell(.toDo(others.sorted())) }
    if !remotes.isEmpty { nextWatch = surroundings.now + GuardedRemote.patience / 4 }
    while stop != .interruption {
      startWhatCan()
      shareCores()
      relayProblems()
      if phases[.working] == 0, phases[.pending] == 0 || stop != nil { break }
      // Nothing is under way that could change anything: what is left can't be reached, and is said to be so.
      if errands.isEmpty, running.isEmpty, timers.isEmpty { break }
      guard wait() else { continue }
      while let more = surroundings.next(until: surroundings.now) { handle(more) }
      if stop == nil { lookUp() }
    }
    end()
    let ending = Ending(graph, phases, keys: resolution.key, artifacts: resolution.artifacts)
    var report = RunReport(
      instances: InstanceReports(scope, ending), seconds: options.now().timeIntervalSince(start),
      interrupted: stop == .interruption, storeProblems: problems.ofStore, warnings: problems.warnings)
    report.fromOtherPlatforms = countOfOtherPlatforms()
    if report.fromOtherPlatforms > 0 { report.ofSeveralPlatforms = ofSeveralPlatforms() }
    remember(report)
    relayProblems()
    (report.storeProblems, report.warnings) = (problems.ofStore, problems.warnings)
    observe.end()
    surroundings.close()
    return report
  }

  /// Says which stages ask for more than there is, though it may turn out that their results are there.
  private func warnOfWhatCannotRun() {
    var seen = Set<String>()
    for i in graph.order where scope.contains(i) && phases[i].standing == .idle {
      let instance = graph.instances[i]
      if seen.insert(instance.stage).inserted, let lacking = lacking(i) { problems.warn(lacking) }
    }
  }

  /// Waits for the next happening or timer; false when it was a timer.
  func wait() -> Bool {
    if let happening = surroundings.next(until: deadline) {
      handle(happening)
      return true
    }
    let now = surroundings.now
    while let timer = timers.first, timer.at <= now {
      timers.removeFirst()
      timer.act()
    }
    if nextWatch <= now { watchRemotes() }
    return false
  }

  /// When there is something to do though nothing happens.
  private var deadline: Double? {
    let now = surroundings.now
    let slow = opening.values.lazy.map { $0.since + Scheduler.slow }.filter { $0 > now }.min() ?? .infinity
    let first = min(timers.first?.at ?? .infinity, slow, errands.isEmpty ? .infinity : nextWatch)
    return first.isFinite ? first : nil
  }

  private func handle(_ happening: Happening) {
    switch happening {
    case .executor(let event): receive(event)
    case .errand(let number, let outcome): errands.removeValue(forKey: number)?.then(outcome)
    case .interruption: stop = .interruption
    }
  }

  /// Ends what runs, keeps what had finished, and waits for what is being written.
  private func end() {
    if !running.isEmpty {
      executor.shutdown()
      while let happening = surroundings.next(until: surroundings.now) { handle(happening) }
      running = [:]
    }
    while writes > 0 { _ = wait() }
    endUploads()
    relayProblems()
    skipTheRest()
    relayProblems()
  }

  /// The end of instances that nothing can be done for.
  private func skipTheRest() {
    for i in graph.order where scope.contains(i) && phases[i].standing != .over {
      let obstacle = obstacle(of: i)
      switch stop {
      case .interruption:
        switch phases[i] {
        case .running, .publishing: cutShort.insert(i)
        default: break
        }
        phases.move(i, to: .skipped("interrupted"))
      case .failure: phases.move(i, to: .skipped(obstacle ?? "not started after a failure"))
      case .store: phases.move(i, to: .skipped(obstacle ?? "not started after a failure of the store"))
      case nil:
        if let obstacle {
          phases.move(i, to: .skipped(obstacle))
        } else {
          let failure = Failure(
            .other,
            "BUG: it was forgotten while \("\(phases[i])".prefix(80)). Please report this; a new run goes on")
          phases.move(i, to: .failed(failure, Outcome(state: .failed)))
        }
      }
      observe.tell(.finished(report(i)))
    }
  }

  /// The failure for which `i` can't be done.
  private func obstacle(of i: Int) -> String? {
    if case .awaiting(let producers, _) = phases[i] {
      for p in producers.sorted() {
        if case .failed = phases[p] { return "'\(graph.instances[p].name)' failed, whose output is lost" }
        if case .skipped(let why) = phases[p] { return why }
      }
    }
    if case .following(let leader) = phases[i], case .skipped(let why) = phases[leader] { return why }
    for d in graph.dependencies[i] {
      if case .failed = phases[d] { return "'\(graph.instances[d].name)' failed" }
      if case .skipped(let why) = phases[d] { return why }
    }
    return nil
  }

  // What all parts of the loop use.

  /// What there is for an instance of these needs.
  func capacity(for needs: Resources) -> Resources {
    needs.isHere ? executor.capacityHere ?? capacity : capacity
  }

  /// Has `work` done beside the loop, and `then` told of it.
  /// - Parameter remote: whose being given up means `giveUp`; nil: that of any.
  func beside<T: Sendable>(
    _ lane: Lane, waitingFor remote: GuardedRemote? = nil, _ work: @escaping @Sendable () -> T,
    giveUp: (() -> Void)? = nil, then: @escaping (T) -> Void
  ) {
    let number = nextNumber()
    errands[number] = Errand(
      then: { outcome in
        guard let outcome = outcome as? T else { preconditionFailure("BUG: an errand came back as another") }
        then(outcome)
      }, giveUp: giveUp, remote: remote)
    surroundings.errand(lane, number, work)
  }

  /// As above, for instance `i`; forgotten when it has turned to other things meanwhile.
  func beside<T: Sendable>(
    _ lane: Lane, for i: Int, _ work: @escaping @Sendable () -> T, giveUp: (() -> Void)? = nil,
    then: @escaping (T) -> Void
  ) {
    let epoch = phases.epochs[i]
    beside(
      lane, work, giveUp: giveUp.map { act in { [self] in if phases.epochs[i] == epoch { act() } } }
    ) { [self] outcome in if phases.epochs[i] == epoch { then(outcome) } }
  }

  func after(_ seconds: Double, _ act: @escaping () -> Void) {
    let at = surroundings.now + seconds
    timers.insert((at, act), at: timers.firstIndex { $0.at > at } ?? timers.endIndex)
  }

  /// Does something later, unless `i` has turned to other things by then.
  func after(_ seconds: Double, for i: Int, _ act: @escaping () -> Void) {
    let epoch = phases.epochs[i]
    after(seconds) { [self] in if phases.epochs[i] == epoch { act() } }
  }

  /// How often something that may pass is tried again, and how long it is waited before, in seconds.
  static let mostFaults = 3
  static func pause(_ faults: Int) -> Double { 0.25 * Double(1 << faults) }

  func nextNumber() -> Int {
    lastNumber += 1
    return lastNumber
  }

  /// Looks whether the remotes still answer; who waits for one goes on without, when it doesn't.
  private func watchRemotes() {
    nextWatch = surroundings.now + GuardedRemote.patience / 4
    let stuck = remotes.filter { $0.giveUpIfStuck() }
    if stuck.isEmpty { return }
    surroundings.replaceHands()
    // By number, so that what follows happens in the order in which it was asked for.
    for number in errands.keys.sorted() {
      guard let errand = errands[number], let giveUp = errand.giveUp,
        errand.remote.map({ remote in stuck.contains { $0 === remote } }) ?? true
      else { continue }
      errands[number] = nil
      giveUp()
    }
  }

  /// `i` came out well.
  func finish(_ i: Int, _ outcome: Outcome) { finish(i, .done(outcome), outcome) }

  /// The record of `i` was there.
  func finish(_ i: Int, cachedFrom platform: Int64) {
    let outcome = Outcome(platform: platform)
    // All those of one platform share one value.
    if cached?.platform != platform { cached = (platform, .done(outcome)) }
    finish(i, cached!.phase, outcome)
  }

  private func finish(_ i: Int, _ done: Phase, _ outcome: Outcome) {
    if options.required.contains(i) {
      phases.move(i, to: .checking(outcome))
      check(i, outcome)
    } else {
      phases.move(i, to: done)
      if isUnderWay { observe.tell(.finished(report(i))) }
    }
    resumeWaiters(of: i)
  }

  /// `i` failed, and with it those that share its key.
  func fail(_ i: Int, _ failure: Failure, _ outcome: Outcome = Outcome()) {
    var outcome = outcome
    outcome.state = .failed
    for j in [i] + takeFollowers(of: i) {
      var its = outcome
      if j != i { its.sharedWith = i }
      phases.move(j, to: .failed(failure, its))
      observe.tell(.finished(report(j)))
    }
    if let key = resolution.key[i] { executor.settled(key) }
    if !options.keepGoing, stop == nil { stop = .failure }
  }

  /// Nothing new starts: the store as a whole fails. What runs goes on.
  func storeFailed(_ message: String) {
    problems.fault(message)
    if stop != .interruption { stop = .store }
  }

  /// Ends `leader`'s claim. Those that still followed it are the caller's now.
  func takeFollowers(of leader: Int) -> [Int] {
    claims.end(leader).filter { if case .following(leader) = phases[$0] { true } else { false } }
  }

  /// Those that waited for `i` to lead are on their own again.
  func release(_ i: Int) {
    for j in takeFollowers(of: i) {
      phases.move(j, to: .waiting)
      resolution.recheck(j)
    }
  }

  func relayProblems() {
    problems.collect()
    for remote in remotes {
      for message in remote.takeNotices() {
        // What nothing should have been put on costs time alone.
        if remote.isReadOnly { problems.warn(message) } else { problems.fault(message) }
      }
    }
    for message in problems.takeUnsaid() { observe.tell(.warning(message)) }
  }
}
