// Owns the states of instances under way: the last one that can be had is opened before an instance starts, what it
// saves is kept under its prefix's key, and what that supersedes is dropped. A state is never needed: whatever is wrong
// with one is said in the instance's log, and an older one or the beginning serves.

import Canonical
import ContentStore
import Foundation

/// What an instance can go on from.
struct Continuation: Sendable {
  /// Nil: its kind saves no states.
  var prefixes: Prefixes?
  var state: WorkState?
  /// The files of `state`.
  var files: [Digest: String] = [:]
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
      return
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
    phases.update(i, work)
    let record = Record(
      action: action, artifacts: [Continuation.artifact: state.artifact], blobs: blobs.map(\.form),
      facts: ["place": .string(state.place), "time": .string(options.now().formatted(.iso8601))])
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
}
