// Owns what a caller can ask of a run.

import ContentStore
import Foundation

/// How to run.
public struct RunOptions: Sendable {
  /// Indices of the instances to bring up to date, with what they need; nil for all.
  public var targets: [Int]?
  /// Indices of instances whose whole output has to be readable afterwards.
  public var required: Set<Int>
  /// At most so many jobs at a time.
  public var jobs: Int
  /// Whether what doesn't depend on a failure still runs.
  public var keepGoing: Bool
  /// The driver's environment. Only declared variables, and PATH to find interpreters, are looked at.
  public var environment: [String: String]
  /// Where records are looked for that aren't here, and results are published to.
  public var remote: (any Remote)?
  /// Asked often; once it says true the run ends what runs and returns.
  public var isInterrupted: @Sendable () -> Bool
  /// The time, for records.
  public var now: @Sendable () -> Date

  public init(
    targets: [Int]? = nil, required: Set<Int> = [], jobs: Int, keepGoing: Bool = false,
    environment: [String: String], remote: (any Remote)? = nil,
    isInterrupted: @escaping @Sendable () -> Bool = { false },
    now: @escaping @Sendable () -> Date = { Date() }
  ) {
    self.targets = targets
    self.required = required
    self.jobs = jobs
    self.keepGoing = keepGoing
    self.environment = environment
    self.remote = remote
    self.isInterrupted = isInterrupted
    self.now = now
  }
}
