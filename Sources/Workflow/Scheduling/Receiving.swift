// Owns what is made of an executor's words: who began, who is how far, whose work is over, and how.

import Canonical
import ContentStore
import Foundation

extension Scheduler {
  func receive(_ event: ExecutorEvent) {
    switch event {
    case .started(let i):
      if case .running(let work) = phases[i] {
        observe.tell(.started(instance: i, reason: work.attempt.reason))
      }
    case .progress(let i, let progress):
      if case .running = phases[i] { observe.tell(.progress(instance: i, progress)) }
    case .saved(let i, let state, let blobs): keep(state, of: i, blobs)
    case .ended(let job):
      guard let resources = running.removeValue(forKey: job) else { return }
      tokens.giveBack(resources)
      shares.remove(job)
    case .finished(let i, let result, let seconds):
      guard case .running(var work) = phases[i] else { return }
      work.seconds = seconds
      switch result {
      case .failure(let failure): failed(i, work, failure)
      case .success(let artifacts, let written, let facts): succeeded(i, work, artifacts, written, facts)
      }
    case .lost(let instances, let failure, let seconds):
      for i in instances {
        guard case .running(var work) = phases[i] else { continue }
        giveBackLease(of: i)
        work.seconds = seconds
        guard instances.count > 1, !work.isOutdated else {
          failed(i, work, failure)
          continue
        }
        // Who was to blame isn't known, but each alone will tell.
        var attempt = work.attempt
        attempt.isAlone = true
        enqueue(i, attempt)
      }
    }
  }

  private func failed(_ i: Int, _ work: Work, _ failure: Failure) {
    giveBackLease(of: i)
    var attempt = work.attempt
    if work.isOutdated {
      // It failed on inputs that were given up meanwhile; with the new ones it may not.
      startAfresh(i)
    } else if failure.cause == .input, attempt.faults < Scheduler.mostFaults,
      work.paths.contains(where: { access($0, R_OK) != 0 })
    {
      // What was opened for it has gone since.
      attempt.faults += 1
      enqueue(i, attempt)
    } else if failure.cause == .store {
      failToPublish(i, work, failure.message)
      storeFailed("\(graph.instances[i].name): \(failure.message)")
    } else if stop == nil, tryAgain(i, work, failure) {
      return
    } else {
      fail(i, explained(failure, work), outcome(of: work))
    }
  }

  private func succeeded(
    _ i: Int, _ work: Work, _ artifacts: [String: Artifact], _ written: [WrittenBlob], _ facts: JSON
  ) {
    if let lacking = graph.instances[i].outputs.first(where: { artifacts[$0.name] == nil }) {
      giveBackLease(of: i)
      let failure = Failure(.other, "it ended well but gave no output '\(lacking.name)'")
      return fail(i, failure, outcome(of: work))
    }
    memoryGuesses.learn(i, facts)
    phases.move(i, to: .publishing(work))
    publish(i, work, artifacts, written, facts)
  }

  /// The instance's result was another key's: it is looked up with what it reads now.
  func startAfresh(_ i: Int) {
    release(i)
    phases.move(i, to: .waiting)
    resolution.recheck(i)
    resumeWaiters(of: i)
  }

  func outcome(of work: Work) -> Outcome {
    var outcome = Outcome(state: .executed, reason: work.attempt.reason, seconds: work.seconds)
    outcome.resumed = work.resumed?.place
    outcome.attempts = work.attempt.failures.count + 1
    if case .bytes(let before) = work.attempt.purpose { outcome.rebuilds = before.rebuilds + 1 }
    return outcome
  }
}
