// Owns the JSON object that `status --json` and `run --dry-run --json` print.

import Canonical
import ContentStore

extension Plan.State {
  /// As JSON spells it.
  public var name: String {
    switch self {
    case .upToDate: "upToDate"
    case .stale: "stale"
    case .pending: "pending"
    case .missing: "missing"
    case .failed: "failed"
    case .interrupted: "interrupted"
    case .impossible: "impossible"
    }
  }

  /// Why it isn't up to date, in full.
  public var reason: String? {
    switch self {
    case .upToDate: nil
    case .stale(let reason): reason.description
    case .pending(let cause): "waits for \(cause)"
    case .missing: Reason.neverRun.description
    case .failed(let message): message
    case .interrupted: "the run was interrupted while it was computed"
    case .impossible(let why): why
    }
  }

  static let names = ["upToDate", "stale", "pending", "missing", "failed", "interrupted", "impossible"]
}

extension Plan {
  /// Members as in `RunReport.json`, as far as they make sense of what hasn't run: an object with the count of each
  /// state, and `instances` with name, key, state, reason and artifacts.
  /// - Parameter instances: those to be told of; nil: all.
  public func json(of instances: Set<Int>? = nil) -> JSON {
    let entries = entries.filter { instances?.contains($0.instance) ?? true }
    var members: [String: JSON] = [
      "instances": .array(entries.map { $0.json(process: atWork[$0.instance]) }),
      "storeProblems": .array(remoteProblems.map(JSON.string)),
      "lastRun": lastRun?.json ?? .null,
    ]
    for name in Plan.State.names { members[name] = .integer(entries.count { $0.state.name == name }) }
    return .object(members)
  }
}

extension Plan.Entry {
  /// - Parameter process: what computes it now.
  func json(process: Int?) -> JSON {
    var members: [String: JSON] = [
      "name": .string(name), "state": .string(state.name), "key": key.map { .string($0.hex) } ?? .null,
      "reason": state.reason.map(JSON.string) ?? .null,
      "artifacts": .object((artifacts ?? [:]).mapValues(\.json)),
    ]
    if let acceptedFrom { members["acceptedFrom"] = .string(acceptedFrom.hex) }
    if let formerName { members["formerName"] = .string(formerName) }
    if let process { members["process"] = .integer(process) }
    if case .stale(let reason) = state, !reason.changes.isEmpty {
      members["changes"] = .array(reason.changes.map(\.json))
    }
    if case .pending(let cause) = state { members["waitsFor"] = .string(cause) }
    return .object(members)
  }
}
