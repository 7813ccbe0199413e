// Owns what a run came to: as values, and as the JSON object that `run --json` prints.

import Canonical
import ContentStore

/// What became of one instance.
public struct InstanceReport: Sendable {
  public enum State: String, Sendable {
    /// It ran, or the instance with the same key did.
    case executed
    /// Its record was there.
    case cached
    case failed
    /// It didn't run, because of a failure, or because the run ended before.
    case skipped
  }

  /// Index into the graph's instances.
  public var instance: Int
  public var name: String
  public var state: State
  /// Nil where it never became known.
  public var key: Digest?
  /// Why it had to run; nil when it hadn't.
  public var reason: Reason?
  /// What went wrong, or why it was skipped.
  public var message: String?
  /// What sort of thing went wrong, when it failed.
  public var failure: Failure?
  /// How long it ran.
  public var seconds: Double
  /// Empty unless executed or cached.
  public var artifacts: [String: Artifact]
  /// The instance with the same key that ran for this one too.
  public var sharedWith: String?
  /// After what it was resumed, instead of being begun: `epoch 4`.
  public var resumed: String?
  /// How often it was begun; more than once after failures that may pass.
  public var attempts = 1

  public init(
    instance: Int, name: String, state: State, key: Digest?, reason: Reason?, message: String?,
    failure: Failure? = nil, seconds: Double, artifacts: [String: Artifact], sharedWith: String? = nil,
    resumed: String? = nil
  ) {
    self.instance = instance
    self.name = name
    self.state = state
    self.key = key
    self.reason = reason
    self.message = message
    self.failure = failure
    self.seconds = seconds
    self.artifacts = artifacts
    self.sharedWith = sharedWith
    self.resumed = resumed
  }

  public var json: JSON {
    var members: [String: JSON] = [
      "name": .string(name), "state": .string(state.rawValue), "key": key.map { .string($0.hex) } ?? .null,
      "reason": reason.map { .string($0.description) } ?? .null, "seconds": .number(seconds),
      "artifacts": .object(artifacts.mapValues(\.json)),
    ]
    if let message { members["message"] = .string(message) }
    if let failure { members["failure"] = ["cause": .string(failure.cause.name)] }
    if let sharedWith { members["sharedWith"] = .string(sharedWith) }
    if let resumed { members["resumed"] = .string(resumed) }
    if attempts > 1 { members["attempts"] = .integer(attempts) }
    return .object(members)
  }
}

/// What a run came to.
public struct RunReport: Sendable {
  /// One per instance in scope, in the order of the file.
  public var instances: InstanceReports
  /// From start to end.
  public var seconds: Double
  /// Whether the caller ended it.
  public var interrupted: Bool
  /// Failures of the store or a remote: results that were not published, records that could not be read.
  public var storeProblems: [String]
  /// Everything that was warned of.
  public var warnings: [String]
  /// How many of the cached results were computed by another instruction set or other versions of libraries.
  public var fromOtherPlatforms = 0
  /// Indices of the instances whose result was made of a list of results that several platforms computed, such as a
  /// table; looked for where some came from another.
  public var ofSeveralPlatforms: [Int] = []

  public init(
    instances: [InstanceReport], seconds: Double, interrupted: Bool, storeProblems: [String],
    warnings: [String]
  ) {
    self.init(
      instances: InstanceReports(instances), seconds: seconds, interrupted: interrupted,
      storeProblems: storeProblems, warnings: warnings)
  }

  init(
    instances: InstanceReports, seconds: Double, interrupted: Bool, storeProblems: [String],
    warnings: [String]
  ) {
    self.instances = instances
    self.seconds = seconds
    self.interrupted = interrupted
    self.storeProblems = storeProblems
    self.warnings = warnings
  }

  /// A run that was interrupted before it began.
  public static func interruptedBeforehand(_ graph: Graph, targets: [Int]?, seconds: Double) -> RunReport {
    let scope = targets.map { graph.closure(of: $0).sorted() } ?? Array(graph.instances.indices)
    let instances = scope.map { i in
      InstanceReport(
        instance: i, name: graph.instances[i].name, state: .skipped, key: nil, reason: nil,
        message: "interrupted", seconds: 0, artifacts: [:])
    }
    return RunReport(
      instances: instances, seconds: seconds, interrupted: true, storeProblems: [], warnings: [])
  }

  public var executed: Int { count(.executed) }
  public var cached: Int { count(.cached) }
  public var failed: Int { count(.failed) }
  public var skipped: Int { count(.skipped) }
  private func count(_ state: InstanceReport.State) -> Int {
    instances.indices.count { instances.state($0) == state }
  }

  /// 130 interrupted; 3 the store or a remote failed; 1 an instance failed; 0 all well.
  public var exitStatus: Int32 {
    if interrupted { return 130 }
    if !storeProblems.isEmpty { return 3 }
    return failed > 0 ? 1 : 0
  }

  public var json: JSON {
    [
      "executed": .integer(executed), "cached": .integer(cached), "failed": .integer(failed),
      "skipped": .integer(skipped), "seconds": .number(seconds), "interrupted": .bool(interrupted),
      "storeProblems": .array(storeProblems.map(JSON.string)), "warnings": .array(warnings.map(JSON.string)),
      "fromOtherPlatforms": .integer(fromOtherPlatforms),
      "ofSeveralPlatforms": .array(
        instances.filter { ofSeveralPlatforms.contains($0.instance) }.map { .string($0.name) }),
      "instances": .array(instances.map(\.json)),
    ]
  }
}

/// What a run tells while it goes on, for displays.
public enum RunEvent: Sendable {
  /// After the first pass: how many instances there are, and how many of them are up to date.
  case planned(total: Int, cached: Int)
  /// After that: the others, unless there are none. Some may turn out to be up to date when what they read is known.
  case toDo([Int])
  case started(instance: Int, reason: Reason)
  case progress(instance: Int, Progress)
  /// Another driver of the store computes it, in this process; nil: no more.
  case elsewhere(instance: Int, process: Int?)
  /// It failed, and is tried again after so many seconds: the next attempt of so many.
  case retrying(instance: Int, failure: Failure, attempt: Int, of: Int, pause: Double)
  /// One more is done. Those that `planned` counted are not told.
  case finished(InstanceReport)
  case warning(String)
  /// All is done but the upload of so many results, which the end of the run waits for.
  case uploading(Int)
}
