// Owns the seam between the scheduler and whatever runs jobs: this machine's workers now, a cluster later.

/// Runs jobs. The driver calls it from one thread.
public protocol Executor: AnyObject {
  /// What it can run at the same time; the scheduler never has more than this submitted.
  var capacity: Resources { get }
  /// Starts a job, or queues it; returns at once. Throws only when it can run nothing at all.
  func submit(_ job: Job) throws
  /// Waits for the next event, at most `timeout` seconds; nil when none came.
  func nextEvent(timeout: Double) -> ExecutorEvent?
  /// Ends everything that runs, leaving no process behind; results that have not been reported are dropped.
  func shutdown()
}
