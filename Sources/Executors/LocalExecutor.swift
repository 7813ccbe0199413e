// Owns running jobs on this machine, as its driver sees it: jobs go in, events come out. The pool behind it lives
// on a thread of its own, so that time limits and deaths are seen whatever the driver does.

import Foundation
import Processes
import Workflow

/// Runs jobs in at most `jobs` long-lived worker processes, which start when they are needed, die with their driver,
/// and are replaced when they die.
public final class LocalExecutor: Executor {
  public let capacity: Resources
  /// What an executor of so many cores and GPUs has for its jobs.
  public static func capacity(cores: Int, gpus: Int = 0) -> Resources {
    Resources(cpus: min(max(1, cores), Machine.cpus), memory: Machine.memory, gpus: gpus)
  }

  /// The GPUs that this process may use, by their ids.
  public static func gpus(environment: [String: String]) -> [String] {
    Machine.gpus(environment: environment)
  }
  /// The cores that this process may use.
  public static var cores: Int { Machine.cpus }
  private let handover: Handover
  private let thread: Thread
  private let worker: String

  /// - Parameters:
  ///   - jobs: how many run at the same time, at least 1.
  ///   - cores: how many cores they use together.
  ///   - gpus: the ids of the GPUs that they use together; each is one job's at a time.
  ///   - worker: the program whose main function calls `WorkerMain.run`.
  ///   - arguments: what it is started with.
  ///   - environment: where PATH, HOME, TMPDIR and LD_LIBRARY_PATH are taken from; nothing else of it reaches a
  ///     worker.
  public convenience init(
    jobs: Int, cores: Int = LocalExecutor.cores, gpus: [String] = [], worker: String = "/proc/self/exe",
    arguments: [String] = ["worker"],
    environment: [String: String] = ProcessInfo.processInfo.environment
  ) {
    self.init(
      jobs: jobs, cores: cores, gpus: gpus, worker: worker, arguments: arguments, environment: environment,
      longestMessage: MessageBuffer.longest, usesControlGroups: true)
  }

  /// - Parameters:
  ///   - longestMessage: the bytes that a job may have on its way to a worker.
  ///   - usesControlGroups: whether limits of memory may be the kernel's business.
  package init(
    jobs: Int, cores: Int = LocalExecutor.cores, gpus: [String] = [], worker: String, arguments: [String],
    environment: [String: String], longestMessage: Int,
    usesControlGroups: Bool
  ) {
    capacity = LocalExecutor.capacity(cores: cores, gpus: gpus.count)
    self.worker = worker
    let handover = Handover()
    self.handover = handover
    let launch = WorkerLaunch(
      path: worker, arguments: arguments, environment: environment, longestMessage: longestMessage)
    let limit = max(1, jobs)
    // Children get a signal when the thread that started them ends: this one lives as long as they do.
    thread = Thread {
      WorkerPool(
        limit: limit, gpus: gpus, launch: launch, handover: handover, usesControlGroups: usesControlGroups
      ).run()
    }
    thread.name = "workers"
    thread.start()
  }

  public func submit(_ job: Job) throws {
    guard access(worker, X_OK) == 0 else {
      throw ExecutorError("can't start workers: \(worker): \(SystemError(errno))")
    }
    try handover.submit(job)
  }

  public func grant(_ threads: Int, to job: Int) { handover.grant(threads, to: job) }

  public func start(_ sink: @escaping @Sendable (ExecutorEvent) -> Void) { handover.start(sink) }

  public func shutdown() { handover.stop() }

  deinit { shutdown() }
}

/// The executor can't run anything.
public struct ExecutorError: Error, CustomStringConvertible, Sendable {
  public let description: String
  init(_ problem: String) { description = problem }
}
