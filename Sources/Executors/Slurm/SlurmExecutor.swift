// Owns running jobs on a Slurm cluster, as its driver sees it: jobs go in, events come out. What is on the cluster is the
// queue's business, on a thread of its own; it outlives the driver.

import Canonical
import Foundation
import Processes
import Workflow

/// Submits jobs to Slurm. Its machines and this one share the store's filesystem and the project's, by the same paths.
public final class SlurmExecutor: Executor {
  /// Nobody here knows how much there is: what can't be had, Slurm refuses.
  public let capacity = Resources(cpus: 1 << 40, gpus: 1 << 40)
  public let jobsShareMachine = false

  private let makeQueue: @Sendable (@escaping (ExecutorEvent) -> Void) -> SlurmQueue
  private let orders = EventQueue<SlurmQueue.Order>()
  private let shared = Shared()

  /// What this and the queue's thread both touch.
  private final class Shared: @unchecked Sendable {
    let condition = NSCondition()
    var sink: (@Sendable (ExecutorEvent) -> Void)?
    var isRunning = false
    var isStopping = false
    /// What goes on without its driver.
    var left: (jobs: [String], instances: Int) = ([], 0)
  }

  /// - Parameters:
  ///   - store: the store's folder.
  ///   - identity: this program; one that differs on the cluster's machines computes nothing.
  ///   - environment: where `sbatch` is looked for, and what it gets.
  /// - Throws: `ExecutorError` where there is no Slurm.
  public convenience init(
    _ settings: SlurmSettings, store: String, identity: ProgramIdentity, environment: [String: String]
  ) throws {
    try self.init(
      settings, store: store, identity: identity, environment: environment, patience: SlurmPatience())
  }

  package init(
    _ settings: SlurmSettings, store: String, identity: ProgramIdentity, environment: [String: String],
    patience: SlurmPatience
  ) throws {
    let commands = try SlurmCommands(settings, environment: environment)
    let own = try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
    guard let binary = settings.binary ?? own else {
      throw ExecutorError(
        "where this program is can't be found out; `slurm: { binary: PATH }` in bobbin.yaml says it")
    }
    makeQueue = { [orders] post in
      SlurmQueue(
        Spool(store: store), commands, binary: binary, identity: identity, patience: patience, orders: orders,
        post: post)
    }
  }

  public func start(_ sink: @escaping @Sendable (ExecutorEvent) -> Void) {
    shared.condition.withLock { (shared.sink, shared.isRunning) = (sink, true) }
    let thread = Thread { [shared, makeQueue] in
      let left = makeQueue { event in shared.condition.withLock { shared.sink }?(event) }.run()
      shared.condition.withLock {
        (shared.left, shared.isRunning) = (left, false)
        shared.condition.broadcast()
      }
    }
    thread.name = "slurm"
    thread.start()
  }

  public func submit(_ job: Job) throws {
    if shared.condition.withLock({ shared.isStopping }) {
      throw ExecutorError("the executor has been shut down")
    }
    orders.post(.job(job))
  }

  public func settled(_ action: Digest) { orders.post(.settled(action)) }

  /// What was submitted goes on. Waits for a submission under way.
  public func shutdown() {
    shared.condition.withLock { shared.isStopping = true }
    orders.post(.stop)
    shared.condition.withLock {
      while shared.isRunning { shared.condition.wait() }
      shared.sink = nil
    }
  }

  deinit { shutdown() }

  public var goingOn: String? {
    let (jobs, instances) = shared.condition.withLock { shared.left }
    guard instances > 0 else { return nil }
    let what = instances == 1 ? "1 instance is" : "\(instances) instances are"
    return "\(what) left queued or running on the cluster (Slurm \(jobs.count == 1 ? "job" : "jobs") "
      + "\(jobs.joined(separator: ", "))). The same command goes on with them; `scancel \(jobs.joined(separator: " "))` "
      + "ends them"
  }
}
