// Owns what a run leaves behind: its entry in the store's history, and the report of each instance.

import Canonical
import ContentStore

extension Scheduler {
  /// The store learns of the run at once, so that one that is killed is remembered with what it had done.
  func enter() {
    do {
      entry = try store.beginRun(
        project: graph.project, file: graph.file, commandLine: options.commandLine)
    } catch {
      // A run isn't refused for want of its entry in the history; if nothing can be stored, publishing says so.
      problems.warn("this run can't be remembered: \(error)")
    }
  }

  /// How many hits this platform might have given other bits for.
  func countOfOtherPlatforms() -> Int {
    guard options.platform != Platform() else { return 0 }
    let here = Record.platformNumber(of: options.platform.facts)
    return scope.count { i in
      guard case .done(let outcome) = phases[i], outcome.state == .cached else { return false }
      return outcome.platform != 0 && outcome.platform != here
    }
  }

  /// Those whose result was made of a list of results that several platforms computed.
  func ofSeveralPlatforms() -> [Int] {
    let here = Record.platformNumber(of: options.platform.facts)
    func platform(_ i: Int) -> Int64? {
      guard case .done(let outcome) = phases[i] else { return nil }
      return outcome.state == .executed ? here : outcome.platform == 0 ? nil : outcome.platform
    }
    return scope.sorted().filter { i in
      guard case .done = phases[i] else { return false }
      return graph.instances[i].inputs.contains { binding in
        binding.isList && Set(binding.sources.compactMap { platform($0.instance) }).count > 1
      }
    }
  }

  /// Has the store remember what became of every instance.
  func remember(_ report: RunReport) {
    guard let entry else { return }
    let outcome = RunOutcome(
      exitStatus: Int(report.exitStatus), executed: report.executed, cached: report.cached,
      failed: report.failed, skipped: report.skipped)
    do {
      let seal = outcome.failed + outcome.skipped == 0 ? graph.seal(scope, keys: resolution.key) : nil
      // Where it stands, there is nothing to say.
      if let seal, outcome.executed == 0,
        try store.isSealed(seal, project: graph.project, file: graph.file)
      {
        return try store.endRun(entry, outcome: outcome)
      }
      try note(report, entry)
      if let seal { try store.seal(entry, seal) }
      try store.endRun(entry, outcome: outcome)
    } catch { problems.fault("\(error)") }
  }

  private func note(_ report: RunReport, _ entry: RunID) throws {
    let notes = report.instances.map { instance in
      let state: InstanceState =
        switch instance.state {
        case .executed: .executed
        case .cached: .cached
        case .failed: .failed
        case .skipped: cutShort.contains(instance.instance) ? .interrupted : .skipped
        }
      return InstanceNote(
        name: instance.name, key: instance.key, state: state,
        message: state == .failed ? instance.message : nil)
    }
    try store.note(entry, notes)
    if scope.count == graph.instances.count { try store.note(entry, allInstances: notes.map(\.name)) }
  }

  func report(_ i: Int) -> InstanceReport {
    Ending(graph, phases, keys: resolution.key, artifacts: resolution.artifacts).report(i)
  }
}
