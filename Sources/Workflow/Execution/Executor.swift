// Owns the seam between the scheduler and whatever runs jobs: this machine's workers, a cluster.

import Canonical

/// Runs jobs. The driver calls it from one thread; it tells what happens from any.
public protocol Executor: AnyObject {
  /// What the machine has: what jobs that run at the same time may need together.
  var capacity: Resources { get }
  /// What the driver's own machine has for jobs that are to stay on it; nil when all jobs run there.
  var capacityHere: Resources? { get }
  /// Whether jobs share one machine: then what one doesn't need is lent to others, and those that could be one job are
  /// divided among its cores.
  var jobsShareMachine: Bool { get }
  /// From now on events go to `sink`, which may be called from any thread and returns at once. Call it once, first.
  func start(_ sink: @escaping @Sendable (ExecutorEvent) -> Void)
  /// Starts a job, or queues it; returns at once. Throws only when it can run nothing at all.
  func submit(_ job: Job) throws
  /// From now on a running job may compute with so many threads, whatever it began with. Returns at once; of one that has
  /// ended meanwhile it means nothing.
  func grant(_ threads: Int, to job: Int)
  /// What came of an action is recorded: no later run will ask for it.
  func settled(_ action: Digest)
  /// Ends everything that runs here, leaving no process behind; afterwards the sink isn't called any more.
  func shutdown()
  /// What goes on elsewhere after `shutdown`, and what can be done about it; nil when nothing does.
  var goingOn: String? { get }
}

extension Executor {
  /// Where jobs have machines of their own there is nothing to be lent.
  public func grant(_ threads: Int, to job: Int) {}
  public var capacityHere: Resources? { nil }
  public var jobsShareMachine: Bool { true }
  public func settled(_ action: Digest) {}
  public var goingOn: String? { nil }
}
