// Owns the answer to "what would run, and why", without running anything.

import Canonical
import ContentStore

/// What is known of each instance without running anything.
public struct Plan: Sendable {
  public enum State: Sendable, Hashable {
    case upToDate
    /// It ran before, but with another action.
    case stale(Reason)
    /// Something it reads has to run first, so its key isn't known.
    case pending(on: String)
    /// It has never run.
    case missing
  }

  public struct Entry: Sendable {
    /// Index into the graph's instances.
    public let instance: Int
    public let name: String
    public let state: State
    /// Nil while pending.
    public let key: Digest?
    /// Nil unless up to date.
    public let artifacts: [String: Artifact]?
  }

  /// One per instance in scope, in the order of the file.
  public let entries: [Entry]
  /// What went wrong while records were looked for on the remote.
  public let remoteProblems: [String]

  /// Looks up what the targets (nil: all instances) and everything they read have.
  /// - Parameters:
  ///   - environment: the driver's environment; only declared variables count.
  ///   - remote: where to look for records that aren't here; what is found is kept.
  /// - Throws: `DecodingIssue` for external files or code that can't be read, `StoreError`.
  public init(
    _ graph: Graph, targets: [Int]? = nil, store: Store, remote: (any Remote)? = nil,
    environment: [String: String]
  ) throws {
    let scope = targets.map(graph.closure(of:)) ?? Set(graph.instances.indices)
    let keys = try KeySource(graph, scope: scope.sorted(), store: store, environment: environment)
    let resolution = Resolution(graph, keys: keys, scope: scope, store: store, remote: remote)
    let explainer = Explainer(graph, keys: keys, store: store)
    var states = [State?](repeating: nil, count: graph.instances.count)
    for (i, answer) in try resolution.advance() {
      switch answer {
      case .hit: states[i] = .upToDate
      case .miss(_, let undeclared?): states[i] = .stale(.outputUndeclared(undeclared))
      case .miss(let action, nil):
        let reason = try explainer.reason(i, action)
        states[i] = reason == .neverRun ? .missing : .stale(reason)
      }
    }
    // Of those left, each waits for the first thing it reads that isn't up to date, and that for its own.
    var waitsFor = [Int](repeating: 0, count: graph.instances.count)
    for i in graph.order where scope.contains(i) && states[i] == nil {
      guard let cause = graph.dependencies[i].first(where: { states[$0] != .upToDate }) else {
        preconditionFailure("BUG: \(graph.instances[i].name) was not looked up")
      }
      if case .pending = states[cause] { waitsFor[i] = waitsFor[cause] } else { waitsFor[i] = cause }
      states[i] = .pending(on: graph.instances[waitsFor[i]].name)
    }
    entries = scope.sorted().map { i in
      Entry(
        instance: i, name: graph.instances[i].name, state: states[i]!, key: resolution.key[i],
        artifacts: resolution.artifacts[i])
    }
    remoteProblems = resolution.remoteProblems.map(\.description)
  }
}
