// Owns the seam between the scheduler and whatever runs jobs: this machine's workers now, a cluster later.

/// Runs jobs. The driver calls it from one thread; it tells what happens from any.
public protocol Executor: AnyObject {
  /// What the machine has: what jobs that run at the same time may need together.
  var capacity: Resources { get }
  /// From now on events go to `sink`, which may be called from any thread and returns at once. Call it once, first.
  func start(_ sink: @escaping @Sendable (ExecutorEvent) -> Void)
  /// Starts a job, or queues it; returns at once. Throws only when it can run nothing at all.
  func submit(_ job: Job) throws
  /// From now on a running job may compute with so many threads, whatever it began with. Returns at once; of one that has
  /// ended meanwhile it means nothing.
  func grant(_ threads: Int, to job: Int)
  /// Ends everything that runs, leaving no process behind; afterwards the sink isn't called any more.
  func shutdown()
}

extension Executor {
  /// Where jobs have machines of their own there is nothing to be lent.
  public func grant(_ threads: Int, to job: Int) {}
}
