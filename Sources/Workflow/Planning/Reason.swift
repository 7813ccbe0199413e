// Owns why an instance has to run, in words for people.

import ContentStore

/// Why an instance isn't up to date.
public enum Reason: Sendable, Hashable, CustomStringConvertible {
  /// No earlier run of this instance is known here.
  case neverRun
  /// Its action differs from that of its last run; at least one change.
  case changed([Change])
  /// It ran with this very action, but the store has no record of that any more.
  case recordGone
  /// Its record lacks an output that is declared.
  case outputUndeclared(String)
  /// Somebody needs its output, whose bytes are not in the store any more, or damaged.
  case outputLost(String)

  public var description: String {
    switch self {
    case .neverRun: "never run"
    case .changed(let changes): changes.map(\.description).joined(separator: "; ")
    case .recordGone: "its record is no longer in the store"
    case .outputUndeclared(let name): "its record has no output '\(name)'"
    case .outputLost(let what): what
    }
  }
}

/// One difference between two actions: `learningRate 0.1 → 0.05`.
public struct Change: Sendable, Hashable, CustomStringConvertible {
  /// `learningRate`, `input data`, `source Stitching/Fit.swift`, `environment PYTHONHASHSEED`.
  public let subject: String
  /// `0.1 → 0.05`, `content changed`.
  public let what: String

  public init(_ subject: String, _ what: String) {
    self.subject = subject
    self.what = what
  }

  public var description: String { "\(subject) \(what)" }
}
