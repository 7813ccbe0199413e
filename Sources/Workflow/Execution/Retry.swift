// Owns which failures are tried again, how often and after how long: what a stage says, else what is done unasked.

/// What is tried again of an instance that failed.
public struct Retry: Sendable, Hashable {
  /// A sort of failure, as far as it decides that.
  public enum Sort: String, Sendable, CaseIterable {
    /// The work ended with an error of its own.
    case failure
    /// Something outside ended it, or its worker.
    case killed
    /// It took longer than it may.
    case timeout
    /// It took more memory than it may, or than there was.
    case memory
  }

  /// How often, all sorts together.
  public var times: Int
  public var sorts: Set<Sort>
  /// Seconds before it is tried again, twice as many each further time.
  public var wait: Double

  public init(times: Int, on sorts: Set<Sort> = Set(Sort.allCases), wait: Double = 0) {
    self.times = times
    self.sorts = sorts
    self.wait = wait
  }

  /// What a stage gets that says nothing: its own errors would come again.
  public static let unasked = Retry(times: 1, on: [.killed, .memory])

  /// Seconds to wait before the next attempt after `tries` further ones; nil when there is none.
  public func pause(after failure: Failure, tries: Int) -> Double? {
    guard let sort = failure.cause.sort, sorts.contains(sort), tries < times else { return nil }
    return min(wait * Double(1 << min(tries, 30)), Retry.longestWait)
  }

  /// Nobody waits longer, in seconds: an hour.
  private static let longestWait = 3600.0
}

extension Failure.Cause {
  /// SIGHUP, SIGINT, SIGKILL and SIGTERM come from outside; others are faults of a program.
  private static let fromOutside = [1, 2, 9, 15]

  /// Nil for what no further attempt mends.
  var sort: Retry.Sort? {
    switch self {
    case .signal(let number): Failure.Cause.fromOutside.contains(number) ? .killed : .failure
    // A program that a shell waited for.
    case .exitStatus(137): .killed
    case .exitStatus, .invalidValue, .input, .other: .failure
    case .memory: .memory
    case .time: .timeout
    case .store, .cancelled: nil
    }
  }
}
