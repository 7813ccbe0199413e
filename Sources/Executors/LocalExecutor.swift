// Owns running jobs on this machine, as its driver sees it: jobs go in, events come out. The pool behind it lives
// on a thread of its own, so that time limits and deaths are seen whatever the driver does.

import CProcess
import Foundation
import Workflow

/// Runs jobs in at most `jobs` long-lived worker processes, which start when they are needed, die with their driver,
/// and are replaced when they die.
public final class LocalExecutor: Executor {
  public let capacity: Resources
  private let mailbox: Mailbox
  private let thread: Thread
  private let worker: String

  /// - Parameters:
  ///   - jobs: how many run at the same time, at least 1.
  ///   - worker: the program whose main function calls `WorkerMain.run`.
  ///   - arguments: what it is started with.
  ///   - environment: where PATH, HOME and TMPDIR are taken from; nothing else of it reaches a worker.
  public init(
    jobs: Int, worker: String = "/proc/self/exe", arguments: [String] = ["worker"],
    environment: [String: String] = ProcessInfo.processInfo.environment
  ) {
    capacity = Resources(cpus: max(1, jobs), memory: Machine.memory)
    self.worker = worker
    let mailbox = Mailbox()
    self.mailbox = mailbox
    let launch = WorkerLaunch(path: worker, arguments: arguments, environment: environment)
    let limit = max(1, jobs)
    // Children get a signal when the thread that started them ends: this one lives as long as they do.
    thread = Thread { WorkerPool(limit: limit, launch: launch, mailbox: mailbox).run() }
    thread.name = "workers"
    thread.start()
  }

  public func submit(_ job: Job) throws {
    guard access(worker, X_OK) == 0 else {
      throw ExecutorError("can't start workers: \(worker): \(String(cString: strerror(errno)))")
    }
    guard mailbox.submit(job) else { throw ExecutorError("the executor has been shut down") }
  }

  public func start(_ sink: @escaping @Sendable (ExecutorEvent) -> Void) { mailbox.start(sink) }

  public func shutdown() { mailbox.stop() }

  deinit { shutdown() }
}

/// The executor can't run anything.
public struct ExecutorError: Error, CustomStringConvertible, Sendable {
  public let description: String
  init(_ problem: String) { description = problem }
}

/// Where driver and pool leave things for each other.
final class Mailbox: @unchecked Sendable {
  private let condition = NSCondition()
  private var jobs: [Job] = []
  private var sink: (@Sendable (ExecutorEvent) -> Void)?
  private var isStopping = false
  private var hasStopped = false
  /// The pool waits on `wakeReader`; a byte into `wakeWriter` wakes it.
  let wakeReader: Int32
  private let wakeWriter: Int32

  init() {
    var ends: [Int32] = [-1, -1]
    guard pipe(&ends) == 0 else {
      preconditionFailure("no descriptors left: \(String(cString: strerror(errno)))")
    }
    for end in ends {
      _ = fcntl(end, F_SETFD, FD_CLOEXEC)
      _ = fcntl(end, F_SETFL, O_NONBLOCK)
    }
    (wakeReader, wakeWriter) = (ends[0], ends[1])
  }

  deinit {
    close(wakeReader)
    close(wakeWriter)
  }

  // The driver's side.

  func submit(_ job: Job) -> Bool {
    let accepted = condition.withLock {
      if !isStopping { jobs.append(job) }
      return !isStopping
    }
    wake()
    return accepted
  }

  func start(_ sink: @escaping @Sendable (ExecutorEvent) -> Void) { condition.withLock { self.sink = sink } }

  /// Returns when no worker is left.
  func stop() {
    condition.withLock { isStopping = true }
    wake()
    condition.withLock {
      while !hasStopped { condition.wait() }
      sink = nil
    }
  }

  private func wake() {
    var byte: UInt8 = 1
    _ = write(wakeWriter, &byte, 1)
  }

  // The pool's side.

  /// New jobs since the last call; nil when it is time to stop.
  func takeJobs() -> [Job]? {
    var bytes = [UInt8](repeating: 0, count: 64)
    while read(wakeReader, &bytes, 64) > 0 {}
    return condition.withLock {
      defer { jobs.removeAll() }
      return isStopping ? nil : jobs
    }
  }

  func post(_ event: ExecutorEvent) { condition.withLock { isStopping ? nil : sink }?(event) }

  func stopped() {
    condition.withLock {
      hasStopped = true
      condition.broadcast()
    }
  }
}
