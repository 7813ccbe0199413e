// Owns lost blobs: a record outlives its bytes, so who needs them has their producer run again. If that gives other
// bytes, the run goes on with those.

import Canonical
import ContentStore

extension Scheduler {
  /// How often an instance runs again for its bytes in one run.
  private static let mostRebuilds = 2

  /// Has the producers of lost blobs run again, and `i` wait for them. Until they are found it stays what it is.
  func rebuild(_ lost: [Digest: StoreError], for i: Int, _ need: Need) {
    let roots: Set<Int>
    if case .check = need {
      roots = graph.closure(of: [i])
    } else {
      roots = graph.closure(of: graph.dependencies[i])
    }
    let candidates = roots.sorted { rank[$0] < rank[$1] }.compactMap { d in
      resolution.artifacts[d].map { (instance: d, artifacts: Array($0.values)) }
    }
    beside(.opening, for: i) { [blobs] in
      blobs.producers(of: Set(lost.keys), among: candidates)
    } giveUp: { [self] in
      rebuild(lost, for: i, need)  // a list that has to be fetched is lost as well
    } then: { [self] producers in
      rebuild(lost, by: producers, for: i, need)
    }
  }

  private func rebuild(_ lost: [Digest: StoreError], by producers: [Digest: Int], for i: Int, _ need: Need) {
    var awaited = Set<Int>()
    for (digest, error) in lost.sorted(by: { $0.key < $1.key }) {
      guard let maker = producers[digest] else {
        return fail(i, Failure(.input, "it reads \(error), and no stage of this pipeline makes it"))
      }
      // Somebody else may be computing the same.
      let producer = resolution.key[maker].flatMap { claims.leader(of: $0) } ?? maker
      switch phases[producer] {
      case .done(let outcome), .checking(let outcome):
        // What was seen may be older than the bytes that came back since.
        if outcome.rebuilds > 0, lookAgain(i, need) { return }
        guard outcome.rebuilds < Scheduler.mostRebuilds else {
          let name = graph.instances[producer].name
          return fail(
            i, Failure(.input, "it reads \(error), although '\(name)' has just been run again for it"))
        }
        awaited.insert(producer)
      default: awaited.insert(producer)
      }
    }
    if awaited.contains(i) {
      // Its own outputs are lost: once they are there again it is looked at again.
      awaited = [i]
    } else {
      phases.move(i, to: .awaiting(awaited, need))
    }
    for producer in awaited.sorted() {
      if producer != i { waiters[producer, default: []].append(i) }
      switch phases[producer] {
      case .done(let outcome), .checking(let outcome):
        let digest = producers.filter { $0.value == producer }.keys.min() ?? lost.keys.min()!
        runAgain(producer, outcome, lost[digest]!)
      default: break
      }
    }
  }

  /// Has `i` look once more for what seemed lost; false when it has done so often enough.
  private func lookAgain(_ i: Int, _ need: Need) -> Bool {
    switch need {
    case .attempt(var attempt) where attempt.faults < Scheduler.mostFaults:
      attempt.faults += 1
      enqueue(i, attempt)
    case .check(var outcome) where outcome.looks < Scheduler.mostFaults:
      outcome.looks += 1
      phases.move(i, to: .checking(outcome))
      check(i, outcome)
    default: return false
    }
    return true
  }

  private func runAgain(_ i: Int, _ outcome: Outcome, _ error: StoreError) {
    let what =
      switch error {
      case .damaged(let digest, let reason): "its output was lost (blob \(digest.hex.prefix(12)): \(reason))"
      case .missing: "its output is no longer in the store"
      default: "its output can't be read (\(error))"
      }
    problems.warn("\(graph.instances[i].name): \(what); running it again")
    claims.lead(i, resolution.key[i]!)
    enqueue(i, Attempt(purpose: .bytes(outcome), reason: .outputLost(what)))
  }

  /// The instance that came out with its rebuild.
  func rebuilt(
    _ i: Int, _ artifacts: [String: Artifact], _ outcome: Outcome, _ facts: JSON, _ replaced: Record?
  ) {
    release(i)
    // A record may have outputs that aren't declared any more.
    let outputs = Set(graph.instances[i].outputs.map(\.name))
    let artifacts = artifacts.filter { outputs.contains($0.key) }
    let before = resolution.artifacts[i] ?? [:]
    if before != artifacts {
      let names = artifacts.keys.filter { before[$0] != artifacts[$0] }.sorted()
      let changes = names.map { name in
        "\(name) \(before[name]?.digest.hex.prefix(12) ?? "none") → \(artifacts[name]!.digest.hex.prefix(12))"
      }
      problems.warn(
        "\(graph.instances[i].name) gave other bytes when it ran again (\(changes.joined(separator: ", "))). "
          + otherBytes(i, facts, replaced?.facts ?? .null) + ". What follows from it gets new keys")
      let key = resolution.key[i]
      for j in scope.sorted() where j == i || (resolution.key[j] == key && resolution.artifacts[j] != nil) {
        adopt(artifacts, for: j)
      }
    }
    finish(i, outcome)
  }

  /// `j` has other artifacts from now on, and nothing that follows from it holds.
  private func adopt(_ artifacts: [String: Artifact], for j: Int) {
    var given: [Int] = []
    for f in resolution.adopt(j, artifacts) {
      switch phases[f] {
      case .running, .publishing: phases.outdate(f)
      case .waiting, .failed, .skipped: break
      default:
        release(f)
        phases.move(f, to: .waiting)
        given.append(f)
      }
    }
    // Only now: who waited for one of these may be another of them.
    for f in given { resumeWaiters(of: f) }
  }

  /// `producer` doesn't run again any more: those that waited for that look again.
  func resumeWaiters(of producer: Int) {
    for i in waiters.removeValue(forKey: producer) ?? [] { resume(i, after: producer) }
  }

  private func resume(_ i: Int, after producer: Int) {
    guard case .awaiting(var producers, let need) = phases[i], producers.remove(producer) != nil else {
      return
    }
    guard producers.isEmpty else { return phases.move(i, to: .awaiting(producers, need)) }
    switch need {
    case .key:
      phases.move(i, to: .waiting)
      resolution.recheck(i)
    case .attempt(let attempt): enqueue(i, attempt)
    case .check(let outcome): finish(i, outcome)
    }
  }

  /// Whether the caller can read all that `i` gave.
  func check(_ i: Int, _ outcome: Outcome, tries: Int = 0) {
    let artifacts = Array((resolution.artifacts[i] ?? [:]).values)
    beside(.opening, for: i) { [blobs] in
      blobs.open(artifacts).faults
    } giveUp: { [self] in
      check(i, outcome, tries: tries)
    } then: { [self] faults in
      if tries < Scheduler.mostFaults, !faults.values.allSatisfy(\.isLostBlob) {
        return after(Scheduler.pause(tries), for: i) { [self] in check(i, outcome, tries: tries + 1) }
      }
      if !faults.isEmpty { return rebuild(faults, for: i, .check(outcome)) }
      phases.move(i, to: .done(outcome))
      observe.tell(.finished(report(i)))
    }
  }
}
