// Owns why an instance failed, typed as far as it decides what happens next: retries, reports, exit statuses.

import Canonical

/// Why an instance failed: what sort of thing went wrong, and a sentence or a few for people.
public struct Failure: Error, Sendable, Hashable, CustomStringConvertible {
  /// What went wrong.
  public enum Cause: Sendable, Hashable {
    /// A command ended with this status.
    case exitStatus(Int)
    /// A process was ended by this signal.
    case signal(Int)
    /// Memory ran out, or the instance's limit was reached.
    case memory
    /// It took longer than it may.
    case time
    /// Somebody took it out of the queue, or ended it there, on purpose.
    case cancelled
    /// Something it reads can't be had, or isn't what it needs.
    case input
    /// The store could not take its outputs: no room, no permission.
    case store
    /// A value that no result can have, such as a loss that is not a number.
    case invalidValue
    /// The work itself threw something else, or its worker broke.
    case other

    /// `exit status 3`, `memory`: for reports.
    public var name: String {
      switch self {
      case .exitStatus(let status): "exit status \(status)"
      case .signal(let number): "signal \(number)"
      case .memory: "memory"
      case .time: "time"
      case .cancelled: "cancelled"
      case .input: "input"
      case .store: "store"
      case .invalidValue: "invalid value"
      case .other: "other"
      }
    }
  }

  public var cause: Cause
  public var message: String

  public init(_ cause: Cause, _ message: String) {
    self.cause = cause
    self.message = message
  }

  public var description: String { message }

  public var json: JSON { ["cause": .string(cause.name), "message": .string(message)] }

  /// Reads what `json` wrote; nil for anything else.
  public init?(json: JSON) {
    guard let name = json["cause"]?.stringValue, let message = json["message"]?.stringValue else {
      return nil
    }
    let plain: [Cause] = [.memory, .time, .cancelled, .input, .store, .invalidValue, .other]
    let number = name.split(separator: " ").last.flatMap { Int($0) }
    if let cause = plain.first(where: { $0.name == name }) {
      self.init(cause, message)
    } else if let number, name == Cause.exitStatus(number).name {
      self.init(.exitStatus(number), message)
    } else if let number, name == Cause.signal(number).name {
      self.init(.signal(number), message)
    } else {
      return nil
    }
  }
}
