// Owns sharing work with other drivers of the store: what starts is leased first, and what another driver computes is
// waited for, while other work goes on. A lease is held while its instance runs and is published, and never by one that
// waits; so drivers can't wait for each other in a circle, whatever their groups have in common.

import Canonical
import ContentStore

/// What of the store's leases is this run's affair.
struct Leases {
  /// The keys of the instances that run here.
  fileprivate var held: [Int: Digest] = [:]
  /// What bundles will hold of the machine for which leases have been asked, by number.
  fileprivate var asked: [Int: Resources] = [:]
  /// Instances that others compute.
  fileprivate var elsewhere: Set<Int> = []

  /// How many jobs may start any moment.
  var starting: Int { asked.count }
}

extension Scheduler {
  /// How often it is looked whether other drivers are done, in seconds.
  private static let lookInterval = 0.1

  /// Asks for the leases of a bundle whose turn it is, and starts what of it is to be computed here.
  func lease(_ bundle: Bundle) {
    guard let entry else { return start(bundle) }
    let keys = bundle.members.map { resolution.key[$0]! }
    let regardless = bundle.members.filter {
      guard case .ready(let attempt) = phases[$0] else { preconditionFailure("BUG: it isn't ready") }
      return attempt.isRegardlessOfRecords
    }
    let number = nextNumber()
    leases.asked[number] = bundle.resources
    tokens.take(bundle.resources)
    beside(.leasing) { [store, regardless = Set(regardless.map { resolution.key[$0]! })] in
      Result { try store.lease(keys, to: entry, regardless: regardless) }
        .mapError(StoreError.init(wrapping:))
    } then: { [self] answer in
      tokens.giveBack(leases.asked.removeValue(forKey: number)!)
      switch answer {
      case .success(let answers): take(answers, bundle)
      case .failure(let error) where error.concernsWholeStore: storeFailed("\(error)")
      // Without leases work may be done twice, and the first record stays.
      case .failure: start(bundle)
      }
    }
  }

  private func take(_ answers: [Digest: LeaseAnswer], _ bundle: Bundle) {
    var bundle = bundle
    for i in bundle.members {
      guard let key = resolution.key[i], let answer = answers[key],
        phases.epochs[i] == bundle.opened[i]?.epoch,
        case .ready(let attempt) = phases[i]
      else { continue }
      switch answer {
      case .granted:
        // What a traced command opens may have been learnt since it was looked up, and its result be under that key.
        if keys.isTraced(i), !attempt.isRegardlessOfRecords,
          let known = try? resolution.lookAgain([i])[i]
        {
          finishedElsewhere(i, attempt, known)
        } else {
          leases.held[i] = key
        }
      case .finished(let known): finishedElsewhere(i, attempt, known)
      case .held(let holder): leave(i, attempt, to: holder)
      }
    }
    // Whatever was settled may have changed others.
    let (epochs, opened, held) = (phases.epochs, bundle.opened, leases.held)
    bundle.members.removeAll { held[$0] == nil || epochs[$0] != opened[$0]?.epoch }
    let starts = stop == nil ? Set(bundle.members.map { leases.held[$0]! }) : []
    for i in bundle.members where stop != nil { leases.held[i] = nil }
    giveBack(answers.filter { if case .granted = $1 { !starts.contains($0) } else { false } }.map(\.key))
    if stop == nil, !bundle.members.isEmpty { start(bundle) }
  }

  /// `i` doesn't run here any more, and has no result.
  func giveBackLease(of i: Int) {
    if let key = leases.held.removeValue(forKey: i) { giveBack([key]) }
  }

  /// `i` doesn't run here any more, and the store knows by its record. A traced command's has another key than was leased.
  func forgetLease(of i: Int) {
    if let key = leases.held.removeValue(forKey: i), keys.isTraced(i) { giveBack([key]) }
  }

  private func giveBack(_ keys: [Digest]) {
    guard let entry, !keys.isEmpty else { return }
    // What can't be given back ends with the run.
    beside(.leasing) { [store] in
      try? store.release(keys, of: entry)
    } then: { _ in
    }
  }

  /// Another driver computes `i`.
  func leave(_ i: Int, _ attempt: Attempt, to holder: LeaseHolder) {
    phases.move(i, to: .elsewhere(attempt, holder))
    observe.tell(.elsewhere(instance: i, process: holder.process))
    if leases.elsewhere.isEmpty { after(Scheduler.lookInterval) { [self] in lookElsewhere() } }
    leases.elsewhere.insert(i)
  }

  /// Looks who still computes what is waited for.
  private func lookElsewhere() {
    leases.elsewhere = leases.elsewhere.filter { if case .elsewhere = phases[$0] { true } else { false } }
    guard !leases.elsewhere.isEmpty else { return }
    let keys = leases.elsewhere.sorted().map {
      (instance: $0, key: resolution.key[$0]!, epoch: phases.epochs[$0])
    }
    beside(.leasing) { [store, entry] () -> ([Digest: LeaseHolder], [Digest: KnownOutputs])? in
      // First who is at work: a lease ends with its record.
      guard let held = try? store.leases(besides: entry) else { return nil }
      let ended = keys.map(\.key).filter { held[$0] == nil }
      return (try? store.outputs(for: ended)).map { (held, $0) }
    } then: { [self] found in
      if let (held, known) = found {
        for (i, key, epoch) in keys where phases.epochs[i] == epoch {
          guard case .elsewhere(let attempt, let before) = phases[i] else { continue }
          if let holder = held[key] {
            if holder != before { leave(i, attempt, to: holder) }
          } else {
            leases.elsewhere.remove(i)
            observe.tell(.elsewhere(instance: i, process: nil))
            // What a traced command opened there decides its key.
            let known = known[key] ?? (self.keys.isTraced(i) ? try? resolution.lookAgain([i])[i] : nil)
            if let known { finishedElsewhere(i, attempt, known) } else { enqueue(i, attempt) }
          }
        }
      }
      if !leases.elsewhere.isEmpty { after(Scheduler.lookInterval) { [self] in lookElsewhere() } }
    }
  }

  /// Another driver has published `i` since it was looked up, or made its bytes again.
  private func finishedElsewhere(_ i: Int, _ attempt: Attempt, _ known: KnownOutputs) {
    if let lacking = graph.instances[i].outputs.first(where: { known.artifacts[$0.name] == nil }) {
      var attempt = attempt
      attempt.reason = .outputUndeclared(lacking.name)
      return enqueue(i, attempt)
    }
    switch attempt.purpose {
    case .miss: settle(i, known.artifacts, Outcome(platform: known.platform))
    // Whoever needs the bytes looks whether they are there now.
    case .bytes(let outcome): rebuilt(i, known.artifacts, outcome, .null, nil)
    case .comparison: preconditionFailure("BUG: what is compared is computed whatever there is")
    }
  }
}

extension Attempt {
  /// Whether it runs although its key has a record.
  var isRegardlessOfRecords: Bool {
    if case .outputUndeclared = reason { return true }
    return isRebuild || isComparison
  }
}
