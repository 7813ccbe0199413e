// Owns the way from the queue to an executor: opening what instances read ahead of their turn, and starting what fits.

import Canonical
import ContentStore
import Foundation

extension Scheduler {
  /// How many bundles of one need may be opened or opening beyond what can start: fetching goes on while cores work,
  /// and `open/` doesn't fill with what is read much later.
  private static let ahead = 2

  /// After so many seconds an opening is slow and others may be opened beside it.
  static let slow = 2.0

  private var freeSlots: Int { max(0, max(1, options.jobs) - running.count - leases.starting) }

  /// Free slots that no bundle is at hand or being opened for.
  private var unservedSlots: Int {
    freeSlots - room.bundles.count - opening.values.count { $0.since > surroundings.now - Scheduler.slow }
  }

  /// Among how many jobs those are divided that could be one.
  private func slotsToShare(_ needs: Resources) -> Int {
    guard executor.jobsShareMachine || needs.isHere else { return 1 }
    return unservedSlots > 0 ? unservedSlots : max(1, options.jobs)
  }

  func startWhatCan() {
    guard stop == nil else { return }
    openWhatMay()
    startWhatFits()
    openWhatMay()
    startWhatFits()
  }

  private func openWhatMay() {
    guard stop == nil else { return }
    for needs in queue.needs {
      while stop == nil {
        let slowSince = surroundings.now - Scheduler.slow
        let quick = opening.values.count { $0.needs == needs && $0.since > slowSince }
        let opened = room.bundles.count { $0.bundle.resources == needs }
        guard quick + opened < freeSlots + Scheduler.ahead else { break }
        let members = queue.next(needs, sharedBy: slotsToShare(needs)) {
          i in
          if case .queued = phases[i] { true } else { false }
        }
        if members.isEmpty { break }
        open(Bundle(id: nextNumber(), members: members, turn: queue.turn[members[0]], resources: needs))
      }
    }
  }

  /// What came of opening what an instance reads.
  private enum Opening: Sendable {
    case opened([Digest: String], Sight, Continuation)
    case faults([Digest: StoreError])
    case edited(String)
  }

  private func open(_ bundle: Bundle) {
    var roots: [(instance: Int, artifacts: [Artifact], resumable: (Action, [ActionPrefix])?)] = []
    for i in bundle.members {
      guard case .queued(let attempt) = phases[i] else { preconditionFailure("BUG: it isn't queued") }
      phases.move(i, to: .opening(attempt))
      let instance = graph.instances[i]
      let prefixes = instance.kind.prefixes(parameters: instance.parameters)
      roots.append(
        (
          i, instance.inputs.flatMap { resolution.sources(of: i, $0) },
          prefixes.isEmpty ? nil : (keys.action(i, resolution), prefixes)
        ))
    }
    // What reads nothing is ready.
    if roots.allSatisfy({ keys.readsNothing($0.instance) && $0.resumable == nil }) {
      return take(bundle, bundle.members.map { ($0, .opened([:], Sight(), Continuation())) })
    }
    let epochs = bundle.members.map { phases.epochs[$0] }
    opening[bundle.id] = (bundle.resources, surroundings.now)
    beside(.opening) { [blobs, keys, store, roots, resumes = options.resumes] in
      roots.map { i, artifacts, resumable in
        let opening = Scheduler.open(i, artifacts, blobs, keys)
        guard case .opened(let files, let sight, _) = opening, let (action, prefixes) = resumable else {
          return (i, opening)
        }
        let its = keys.prefixes(of: action, prefixes)
        let continuation =
          resumes ? Continuation(its, store, blobs) : Continuation(droppingStatesOf: its, store)
        return (i, .opened(files, sight, continuation))
      }
    } giveUp: { [self] in
      opening[bundle.id] = nil
      for (i, epoch) in zip(bundle.members, epochs) where phases.epochs[i] == epoch {
        guard case .opening(let attempt) = phases[i] else { continue }
        enqueue(i, attempt)  // now that the remote isn't asked, what is here is opened and the rest is lost
      }
    } then: { [self] results in
      opening[bundle.id] = nil
      take(bundle, zip(results, epochs).filter { phases.epochs[$0.0] == $1 }.map(\.0))
    }
  }

  private static func open(_ i: Int, _ artifacts: [Artifact], _ blobs: BlobTree, _ keys: KeySource) -> Opening
  {
    do {
      switch try keys.look(i) {
      case .edited(let path): return .edited(path)
      case .same(let sight):
        let (files, faults) = blobs.open(artifacts)
        return faults.isEmpty ? .opened(files, sight, Continuation()) : .faults(faults)
      }
    } catch { return .edited("\(error)") }
  }

  private func take(_ bundle: Bundle, _ results: [(Int, Opening)]) {
    var bundle = bundle
    bundle.members = []
    for (i, result) in results {
      guard case .opening(let attempt) = phases[i] else { preconditionFailure("BUG: it wasn't being opened") }
      switch result {
      case .opened(let files, let sight, let continuation):
        phases.move(i, to: .ready(attempt))
        bundle.members.append(i)
        bundle.opened[i] = (files, sight, continuation, phases.epochs[i])
      case .faults(let faults): tryAgain(i, attempt, faults)
      case .edited(let path):
        fail(
          i,
          Failure(
            .input, "\(path) was edited since this run looked at it, so it has another key now. Run again."))
      }
    }
    if !bundle.members.isEmpty { room.insert(bundle) }
  }

  /// Something that `i` reads can't be had. What is lost is made again; other faults may pass, or are taken as losses.
  private func tryAgain(_ i: Int, _ attempt: Attempt, _ faults: [Digest: StoreError]) {
    let isLost = faults.values.allSatisfy(\.isLostBlob)
    if isLost || attempt.faults >= Scheduler.mostFaults {
      if let full = faults.values.first(where: { if case .full = $0 { true } else { false } }) {
        problems.fault("\(graph.instances[i].name): \(full)")
        return fail(i, Failure(.store, "what it reads can't be opened: \(full)"))
      }
      guard attempt.isComparison else { return rebuild(faults, for: i, .attempt(attempt)) }
      phases.move(i, to: .skipped("what it reads can't be had: \(faults.values.map { "\($0)" }.min()!)"))
      return observe.tell(.finished(report(i)))
    }
    var attempt = attempt
    attempt.faults += 1
    phases.move(i, to: .resting(attempt))
    after(Scheduler.pause(attempt.faults), for: i) { [self] in enqueue(i, attempt) }
  }

  private func startWhatFits() {
    while stop == nil, freeSlots > 0, var bundle = room.next(where: { tokens.fits($0) }) {
      let (epochs, opened) = (phases.epochs, bundle.opened)
      bundle.members.removeAll { epochs[$0] != opened[$0]?.epoch }
      dropEdited(&bundle)
      guard !bundle.members.isEmpty else { continue }
      // Slots that nothing else is there for get a part of it each.
      let parts = min(unservedSlots, bundle.members.count)
      if parts > 1, executor.jobsShareMachine {
        let first = bundle.split(into: parts)
        room.insert(bundle)
        bundle = first
      }
      lease(bundle)
    }
  }

  /// What was touched since it was looked at is looked at again.
  private func dropEdited(_ bundle: inout Bundle) {
    bundle.members.removeAll { i in
      guard case .ready(let attempt) = phases[i], bundle.opened[i]?.sight.touched != nil else { return false }
      enqueue(i, attempt)
      return true
    }
  }

  func start(_ bundle: Bundle) {
    var job = Job(
      id: nextNumber(), members: [], files: [:], resources: bundle.resources, projectRoot: graph.project,
      store: store.directory.path, run: entry)
    job.resources.time = job.resources.time.map { $0 * Double(bundle.members.count) }
    var work: [(Int, Work)] = []
    for i in bundle.members {
      guard case .ready(let attempt) = phases[i], let opened = bundle.opened[i] else {
        preconditionFailure("BUG: it isn't ready")
      }
      let action = keys.action(i, resolution)
      let log = LogFile(of: graph.instances[i].name, graph, in: store.directory)
      let continuation = opened.continuation
      job.files.merge(opened.files) { first, _ in first }
      job.files.merge(continuation.files) { first, _ in first }
      var member = member(i, action, log)
      (member.state, member.notes) = (continuation.state, attempt.notes + continuation.notes)
      job.members.append(member)
      work.append(
        (
          i,
          Work(
            attempt: attempt, action: action, started: options.now(), sight: opened.sight,
            paths: Array(opened.files.values), log: log, prefixes: continuation.prefixes,
            resumed: continuation.state, saved: continuation.state?.point,
            secondsBefore: continuation.seconds)
        ))
    }
    tokens.take(bundle.resources)
    running[job.id] = bundle.resources
    shares.add(job.id, cpus: bundle.resources.cpus, graph.instances[bundle.members[0]].kind.threads)
    // What others were lent is withdrawn before it starts.
    job.threads = shareCores(besides: job.id) ?? max(1, bundle.resources.cpus)
    do { try executor.submit(job) } catch {
      tokens.giveBack(bundle.resources)
      running[job.id] = nil
      shares.remove(job.id)
      for (i, _) in work { fail(i, Failure(.other, "could not be started: \(error)")) }
      // It can run nothing at all.
      if stop == nil { stop = .failure }
      return
    }
    for (i, work) in work { phases.move(i, to: .running(work)) }
  }

  /// Divides the cores that nobody needs among the jobs that can use them.
  /// - Parameter starting: a job that the executor doesn't know yet.
  /// - Returns: its threads, if it gets others than it needs cores.
  @discardableResult
  func shareCores(besides starting: Int? = nil) -> Int? {
    guard executor.jobsShareMachine else { return nil }
    var ofStarting: Int?
    for (job, threads) in shares.divide(tokens.free.cpus - coresNeededSoon) {
      if job == starting { ofStarting = threads } else { executor.grant(threads, to: job) }
    }
    return ofStarting
  }

  /// What those need that start next: lending it would be for a moment.
  private var coresNeededSoon: Int {
    if stop != nil { return 0 }
    let slowSince = surroundings.now - Scheduler.slow
    let ready = room.bundles.map(\.bundle.resources).filter { tokens.fits($0) }
    let next = ready + opening.values.filter { $0.since > slowSince }.map(\.needs)
    return next.prefix(freeSlots).reduce(0) { $0 + $1.cpus }
  }

  private func member(_ i: Int, _ action: Action, _ log: LogFile) -> JobMember {
    let instance = graph.instances[i]
    var inputs: [String: [JobInput]] = [:]
    for binding in instance.inputs {
      inputs[binding.name] = zip(binding.sources, resolution.sources(of: i, binding)).map {
        source, artifact in
        let origin = graph.instances[source.instance]
        return JobInput(
          artifact: artifact, labels: binding.labelled ? origin.labels : [],
          stage: binding.labelled ? origin.stage : "")
      }
    }
    return JobMember(
      instance: i, name: instance.name, action: action, inputs: inputs,
      externals: Dictionary(instance.externals.map { ($0.name, $0.url.path) }) { first, _ in first },
      tree: keys.tree(i), outputs: instance.outputs, environment: keys.environment(i),
      secrets: instance.secrets, log: log.url.path)
  }
}
