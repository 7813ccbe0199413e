// Owns why an instance has to run, in words for people.

import ContentStore

/// Why an instance isn't up to date.
public enum Reason: Sendable, Hashable, CustomStringConvertible {
  /// No earlier run of this instance is known here.
  case neverRun
  /// Its action differs from that of its last run; at least one change.
  case changed([Change])
  /// It has no earlier run, but this instance, which the file hasn't any more, was like it but for the changes.
  case renamed(from: String, [Change])
  /// It never came to a result: it failed, and its action has changed since.
  case changedSinceFailure
  /// It ran with this very action, but the store has no record of that any more.
  case recordGone
  /// Its record lacks an output that is declared.
  case outputUndeclared(String)
  /// Somebody needs its output, whose bytes are not in the store any more, or damaged.
  case outputLost(String)
  /// Its result is to be compared with a recorded one.
  case comparison

  public var description: String {
    switch self {
    case .neverRun: "never run"
    case .changed(let changes): changes.map(\.description).joined(separator: "; ")
    case .renamed(let name, let changes): "\(name) before; " + Reason.changed(changes).description
    case .changedSinceFailure: "it failed when it last ran, and has changed since"
    case .recordGone: "its record is no longer in the store"
    case .outputUndeclared(let name): "its record has no output '\(name)'"
    case .outputLost(let what): what
    case .comparison: "to be compared with what is recorded"
    }
  }
}

extension Reason {
  /// What changed; empty where that isn't the reason, or not known.
  public var changes: [Change] {
    switch self {
    case .changed(let changes), .renamed(_, let changes): changes
    default: []
    }
  }
}
