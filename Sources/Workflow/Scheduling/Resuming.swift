// Owns the states of instances under way: the last one that can be had is opened before an instance starts, what it
// saves is kept under its prefix's key, and what that supersedes is dropped. A state is never needed: whatever is wrong
// with one is said in the instance's log, and an older one or the beginning serves.

import Canonical
import ContentStore
import Foundation
import Processes

/// What an instance can go on from.
struct Continuation: Sendable {
  /// Nil: its kind saves no states.
  var prefixes: Prefixes?
  var state: WorkState?
  /// The files of `state`.
  var files: [Digest: String] = [:]
  /// The seconds of work that are in `state`.
  var seconds = 0.0
  /// What its log is to say of states that were not used.
  var notes: [String] = []
}

extension Continuation {
  /// The name of the artifact in a state's record.
  static let artifact = "state"

  /// Looks for the last state of the work that can be had.
  init(_ prefixes: Prefixes, _ store: any ResultStore, _ blobs: BlobTree) {
    self.prefixes = prefixes
    let found: [Digest: Record]
    do { found = try store.states(for: prefixes.keys) } catch {
      notes.append("states can't be looked up: \(error)")
      return
    }
    for (point, key) in zip(prefixes.points, prefixes.keys).reversed() {
      guard let record = found[key], let artifact = record.artifacts[Continuation.artifact] else { continue }
      let place = record.facts["place"]?.stringValue ?? "\(point)"
      let (opened, faults) = blobs.open([artifact])
      if let fault = faults.values.first {
        notes.append("the state after \(place) can't be used: \(fault)")
        continue
      }
      (state, files) = (WorkState(point: point, place: place, artifact: artifact), opened)
      seconds = record.facts["seconds"]?.doubleValue ?? 0
      return
    }
  }

  /// Begins at the beginning: what states there are is dropped.
  init(droppingStatesOf prefixes: Prefixes, _ store: any ResultStore) {
    self.prefixes = prefixes
    do { try store.dropStates(prefixes.keys) } catch {
      notes.append("the states of earlier work can't be dropped: \(error)")
    }
  }
}

extension Scheduler {
  /// Keeps a state that instance `i` has saved, and the one before it.
  func keep(_ state: WorkState, of i: Int, _ blobs: [WrittenBlob]) {
    guard case .running(var work) = phases[i], !work.isOutdated, let prefixes = work.prefixes,
      let action = prefixes.action(upTo: state.point)
    else { return }
    // The one before stays, should this one turn out to be damaged.
    let superseded = work.saved.map { $0 < state.point ? prefixes.keys(before: $0) : [] } ?? []
    work.saved = state.point
    work.hasSaved = true
    phases.update(i, work)
    let now = options.now()
    let seconds = work.secondsBefore + now.timeIntervalSince(work.started)
    let record = Record(
      action: action, artifacts: [Continuation.artifact: state.artifact], blobs: blobs.map(\.form),
      facts: [
        "place": .string(state.place), "seconds": .number((seconds * 1000).rounded() / 1000),
        "time": .string(now.timestamp),
      ])
    let name = graph.instances[i].name
    writes += 1
    beside(.publishing) { [store] () -> String? in
      do {
        try store.keep(record, blobs: blobs, superseding: superseded)
        return nil
      } catch { return "\(error)" }
    } then: { [self] problem in
      writes -= 1
      if let problem { problems.warn("\(name): its state after \(state.place) was not kept: \(problem)") }
    }
  }

  /// A failure with what to do should the state be to blame that the work went on from. The state stays: more often
  /// something else is, and it may hold days of work.
  func explained(_ failure: Failure, _ work: Work) -> Failure {
    guard let resumed = work.resumed, !work.hasSaved else { return failure }
    switch failure.cause {
    case .memory, .time, .cancelled, .store: return failure
    case .exitStatus, .signal, .input, .invalidValue, .other:
      var failure = failure
      failure.message +=
        "\nIt went on after \(resumed.place) and saved nothing since. Should the state that it began with be to blame: "
        + "run --no-resume drops it and begins at the beginning"
      return failure
    }
  }
}
