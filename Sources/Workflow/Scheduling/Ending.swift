// Owns what has become of each instance, told one by one as somebody asks: the reports of a million would be most of what
// a run takes.

import Canonical
import ContentStore

/// What instances have come to.
struct Ending: Sendable {
  private let graph: Graph
  private let phases: Phases
  private let keys: [Digest?]
  private let artifacts: KnownArtifacts

  init(_ graph: Graph, _ phases: Phases, keys: [Digest?], artifacts: KnownArtifacts) {
    self.graph = graph
    self.phases = phases
    self.keys = keys
    self.artifacts = artifacts
  }

  func state(_ i: Int) -> InstanceReport.State {
    switch phases[i] {
    case .done(let outcome), .checking(let outcome): outcome.state
    case .failed: .failed
    case .skipped: .skipped
    default: preconditionFailure("BUG: \(graph.instances[i].name) has not come to an end")
    }
  }

  func report(_ i: Int) -> InstanceReport {
    let name = graph.instances[i].name
    func report(_ outcome: Outcome, _ failure: Failure? = nil) -> InstanceReport {
      var report = InstanceReport(
        instance: i, name: name, state: failure == nil ? outcome.state : .failed, key: keys[i],
        reason: outcome.state == .cached ? nil : outcome.reason, message: failure?.message, failure: failure,
        seconds: outcome.seconds, artifacts: failure == nil ? artifacts[i] ?? [:] : [:],
        sharedWith: outcome.sharedWith.map { graph.instances[$0].name }, resumed: outcome.resumed)
      report.attempts = outcome.attempts
      return report
    }
    switch phases[i] {
    case .done(let outcome), .checking(let outcome): return report(outcome)
    case .failed(let failure, let outcome): return report(outcome, failure)
    case .skipped(let why):
      return InstanceReport(
        instance: i, name: name, state: .skipped, key: keys[i], reason: nil, message: why, seconds: 0,
        artifacts: [:])
    default: preconditionFailure("BUG: \(name) has not come to an end")
    }
  }
}

/// The reports of a run's instances, in the order of the file. Each is made when it is looked at.
public struct InstanceReports: RandomAccessCollection, Sendable {
  private enum Form: Sendable {
    case given([InstanceReport])
    case made([Int], Ending)
  }

  private let form: Form

  public init(_ reports: [InstanceReport]) { form = .given(reports) }

  init(_ scope: Scope, _ ending: Ending) { form = .made(scope.sorted(), ending) }

  public var startIndex: Int { 0 }
  public var endIndex: Int {
    switch form {
    case .given(let reports): reports.count
    case .made(let instances, _): instances.count
    }
  }

  public subscript(n: Int) -> InstanceReport {
    switch form {
    case .given(let reports): reports[n]
    case .made(let instances, let ending): ending.report(instances[n])
    }
  }

  /// What has become of the `n`th, without the rest of its report.
  public func state(_ n: Int) -> InstanceReport.State {
    switch form {
    case .given(let reports): reports[n].state
    case .made(let instances, let ending): ending.state(instances[n])
    }
  }
}
