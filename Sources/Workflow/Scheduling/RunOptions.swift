// Owns what a caller can ask of a run.

import ContentStore
import Foundation

/// How to run.
public struct RunOptions: Sendable {
  /// Indices of the instances to bring up to date, with what they need; nil for all.
  public var targets: [Int]?
  /// Indices of instances whose whole output has to be readable afterwards.
  public var required: Set<Int>
  /// Indices of instances that are computed whether or not they are up to date, each alone and from the beginning,
  /// so that the store that they are published to can compare.
  var compared: Set<Int> = []
  /// At most so many jobs at a time. What they may need together is the executor's to say.
  public var jobs: Int
  /// What instances of kinds need at least, by the kind's name, wherever they don't stay on the driver's machine.
  public var needsOfKinds: [String: Resources] = [:]
  /// Whether what doesn't depend on a failure still runs.
  public var keepGoing: Bool
  /// Whether work goes on from the states that earlier runs saved; otherwise they are dropped.
  public var resumes: Bool
  /// The driver's environment. Only declared variables, and PATH to find interpreters, are looked at.
  public var environment: [String: String]
  /// What computes here: what stands in the facts of records, and in the keys of projects that ask for it.
  public var platform: Platform
  /// Where records are looked for that aren't here, in this order, and results are published to.
  public var remotes: [any Remote]
  /// What the caller was started with, to be remembered with the run.
  public var commandLine: [String]
  /// The time, for records.
  public var now: @Sendable () -> Date

  public init(
    targets: [Int]? = nil, required: Set<Int> = [], jobs: Int, keepGoing: Bool = false, resumes: Bool = true,
    environment: [String: String], platform: Platform = Platform(), remotes: [any Remote] = [],
    commandLine: [String] = [], now: @escaping @Sendable () -> Date = { Date() }
  ) {
    self.targets = targets
    self.required = required
    self.jobs = jobs
    self.keepGoing = keepGoing
    self.resumes = resumes
    self.environment = environment
    self.platform = platform
    self.remotes = remotes
    self.commandLine = commandLine
    self.now = now
  }
}
