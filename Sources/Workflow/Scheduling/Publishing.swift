// Owns what happens when an instance's work has succeeded: its record, and what its artifacts mean for those that wait.
// Blobs come before records, records before anybody learns of them.

import Canonical
import ContentStore
import Foundation
import Processes
import Synchronization

extension Scheduler {
  /// What came of publishing.
  private enum Publication: Sendable {
    /// The artifacts that the key has now; the record that gave way, or stays though it says something else; and what a
    /// traced command opened.
    case done([String: Artifact], replaced: Record?, kept: Record?, Tracer.Verdict?)
    /// A file outside was edited while the instance ran; for good, or put back since.
    case edited(String, isPutBack: Bool)
    /// The same of a file that it doesn't declare, so that its key didn't have it yet.
    case undeclaredEdited(String)
    /// Another driver took this one for dead, and computes it now.
    case leased(LeaseHolder)
    case problem(StoreError)
  }

  func publish(
    _ i: Int, _ work: Work, _ artifacts: [String: Artifact], _ written: [WrittenBlob], _ facts: JSON
  ) {
    let outputs = graph.instances[i].outputs.map(\.name)
    var replacing = work.attempt.isRebuild
    if case .outputUndeclared = work.attempt.reason { replacing = true }
    let opened = keys.isTraced(i) ? facts["opened"].flatMap { OpenedFiles(json: $0) } : nil
    let facts = self.facts(facts, work)
    writes += 1
    let name = graph.instances[i].name
    beside(.publishing) {
      [store, keys, shared, replacing, entry, log = work.log, prefixes = work.prefixes] () -> Publication in
      do {
        switch try keys.look(i, since: work.sight) {
        case .edited(let path): return .edited(path, isPutBack: false)
        case .putBack(let path): return .edited(path, isPutBack: true)
        case .none: break
        }
        let verdict = try opened.map { try keys.judge($0, by: i) }
        let action = verdict.map { work.action.observing($0.observation) } ?? work.action
        if let verdict { try store.keep(verdict, of: action, log: log) }
        let code = try shared.blob(keys.codeDigest(i), store) { keys.code(i).text }
        let named =
          try [code] + action.lists.map { list in try shared.blob(.of(list.utf8), store) { list } }
        // Without its log a result is as good.
        let printed = try? store.write(log: log.url)
        if printed == nil { log.removeIfEmpty() }
        let all = written + named + (printed.map { [$0] } ?? [])
        let record = Record(
          action: action.json, artifacts: artifacts, blobs: all.map(\.form), facts: facts,
          log: printed?.artifact)
        // Noted now, so that a run that is killed says it.
        let noting = entry.map { ($0, name) }
        let publication = try store.publish(record, blobs: all, replacing: replacing, noting: noting)
        // States that are left over do no harm.
        if let prefixes { try? store.dropStates(prefixes.keysUselessWhenDone) }
        switch publication {
        case .published, .alreadyThere: return .done(artifacts, replaced: nil, kept: nil, verdict)
        case .replaced(let earlier): return .done(artifacts, replaced: earlier, kept: nil, verdict)
        case .leased(let holder): return .leased(holder)
        case .conflict(let existing) where outputs.contains { existing.artifacts[$0] == nil }:
          _ = try store.publish(record, blobs: all, replacing: true, noting: noting)
          return .done(artifacts, replaced: existing, kept: nil, verdict)
        case .conflict(let existing):
          return .done(existing.artifacts, replaced: nil, kept: existing, verdict)
        }
      } catch let edited as Tracer.Edited { return .undeclaredEdited(edited.path) } catch {
        return .problem(StoreError(wrapping: error))
      }
    } then: { [self] publication in
      writes -= 1
      take(publication, i, facts)
    }
  }

  private func take(_ publication: Publication, _ i: Int, _ facts: JSON) {
    guard case .publishing(let work) = phases[i] else {
      preconditionFailure("BUG: nothing was to be published")
    }
    let name = graph.instances[i].name
    if case .done = publication { forgetLease(of: i) } else { giveBackLease(of: i) }
    switch publication {
    case .leased(let holder):
      problems.warn(
        "\(name): PID \(holder.process) has taken it over; what this run made of it was thrown away")
      if work.isOutdated { startAfresh(i) } else { leave(i, work.attempt, to: holder) }
    case .edited(let path, let isPutBack):
      var attempt = work.attempt
      attempt.faults += 1
      if work.isOutdated {
        startAfresh(i)
      } else if isPutBack, attempt.faults < Scheduler.mostFaults {
        problems.warn("\(name): \(path) was edited and put back while it ran; running it again")
        enqueue(i, attempt)
      } else {
        let failure = Failure(
          .input,
          "\(path) was edited while it ran, so its result belongs to no key and was thrown away. Run again.")
        fail(i, failure, outcome(of: work))
      }
    case .undeclaredEdited(let path):
      var attempt = work.attempt
      attempt.faults += 1
      if work.isOutdated {
        startAfresh(i)
      } else if attempt.faults < Scheduler.mostFaults {
        problems.warn("\(name): \(path), which it opens, was edited while it ran; running it again")
        enqueue(i, attempt)
      } else {
        let message =
          "\(path), which it opens, was edited whenever it ran, so its result belongs to no key and was thrown away"
        fail(i, Failure(.input, message), outcome(of: work))
      }
    case .problem(let error):
      failToPublish(i, work, "\(error)")
      if error.concernsWholeStore {
        storeFailed("\(name): \(error)")
      } else {
        problems.fault("\(name): \(error)")
      }
    case .done(let artifacts, let replaced, let kept, let verdict):
      executor.settled(work.action.key)
      if work.attempt.isComparison {
        if kept != nil { problems.warn("\(name) gave other bytes than are recorded") }
      } else if let kept {
        problems.warn(
          "\(name) gave other bytes than a record that another run published meanwhile; the first stays. "
            + otherBytes(i, facts, kept.facts))
      }
      upload(verdict.map { work.action.observing($0.observation).key } ?? work.action.key, of: i, facts)
      if let verdict, !work.isOutdated {
        resolution.observe(i, verdict.observation)
        warn(of: verdict.use, in: graph.instances[i].stage)
      }
      if work.isOutdated {
        // What it read was given up while it ran. The record holds, for another key than this instance's now.
        startAfresh(i)
      } else if work.attempt.isRebuild {
        rebuilt(i, artifacts, outcome(of: work), facts, replaced)
      } else {
        settle(i, artifacts, outcome(of: work))
      }
    }
  }

  /// Says once a stage what its commands open, and no more than a few times.
  private func warn(of use: UndeclaredUse, in stage: String) {
    for message in use.warnings where toldUses[stage, default: []].count < 4 {
      if toldUses[stage, default: []].insert(message).inserted {
        problems.warn("stage '\(stage)': \(message)")
      }
    }
  }

  func failToPublish(_ i: Int, _ work: Work, _ message: String) {
    if work.isOutdated { return startAfresh(i) }
    fail(i, Failure(.store, "its result could not be published: \(message)"), outcome(of: work))
  }

  /// Gives an instance the log of another, which ran for both. It is for reading only; without it nothing is wrong.
  func copyLog(from leader: Int, to follower: Int) {
    let log = graph.log(of: graph.instances[leader].name, in: store.directory)
    let copy = graph.log(of: graph.instances[follower].name, in: store.directory)
    writes += 1
    beside(.publishing) {
      try? FileManager.default.removeItem(at: copy)
      try? FileManager.default.copyItem(at: log, to: copy)
    } then: { [self] in
      writes -= 1
    }
  }

  /// What other bytes for one key mean: on one platform, that the stage isn't reproducible.
  func otherBytes(_ i: Int, _ ours: JSON, _ theirs: JSON) -> String {
    guard let here = Platform(facts: ours), let there = Platform(facts: theirs), here != there else {
      return "Stage '\(graph.instances[i].stage)' isn't reproducible"
    }
    return "It was computed on another platform: \(there.difference(to: here))"
  }

  private func facts(_ facts: JSON, _ work: Work) -> JSON {
    var members = facts.objectValue ?? [:]
    members["opened"] = nil
    members["time"] = .string(work.started.timestamp)
    members["seconds"] = .number(((work.secondsBefore + work.seconds) * 1000).rounded() / 1000)
    members["resumed"] = (work.resumed?.place).map(JSON.string)
    let failures = work.attempt.failures
    if !failures.isEmpty { members["failedAttempts"] = .array(failures.map(JSON.string)) }
    return .object(members)
  }
}

/// Blobs that many records name, written once.
final class SharedBlobs: Sendable {
  private let known = Mutex<[Digest: WrittenBlob]>([:])

  /// The blob of a text with this digest, which is made only where nobody has written it yet.
  func blob(_ digest: Digest, _ store: any ResultStore, text: () -> String) throws -> WrittenBlob {
    if let blob = known.withLock({ $0[digest] }) { return blob }
    let blob = try store.write(Array(text().utf8))
    known.withLock { $0[digest] = blob }
    return blob
  }
}

extension ResultStore {
  /// Keeps where a command looked, for the next time, and has its log say what counts now.
  fileprivate func keep(_ verdict: Tracer.Verdict, of action: Action, log: LogFile) throws {
    if verdict.observation != nil { try keep(trace: verdict.trace.text, of: action.observing(nil).key) }
    // Without that line nothing is wrong.
    for note in verdict.use.notes { _ = appendText("bobbin: \(note)\n", to: log.url.path) }
  }
}
