// Owns a run of which a part stays on the driver's machine: which job goes to which of two executors.

import Canonical
import Workflow

/// Has jobs that are to stay here run here, and all others elsewhere.
public final class SplitExecutor: Executor {
  private let elsewhere: any Executor
  private let here: LocalExecutor

  public init(_ elsewhere: any Executor, here: LocalExecutor) {
    self.elsewhere = elsewhere
    self.here = here
  }

  public var capacity: Resources { elsewhere.capacity }
  public var capacityHere: Resources? { here.capacity }
  public var jobsShareMachine: Bool { elsewhere.jobsShareMachine }

  public func start(_ sink: @escaping @Sendable (ExecutorEvent) -> Void) {
    elsewhere.start(sink)
    here.start(sink)
  }

  public func submit(_ job: Job) throws {
    try job.resources.isHere ? here.submit(job) : elsewhere.submit(job)
  }

  public func settled(_ action: Digest) { elsewhere.settled(action) }

  public func shutdown() {
    here.shutdown()
    elsewhere.shutdown()
  }

  public var goingOn: String? { elsewhere.goingOn }
}
