// Owns where the driver's thread and the pool's leave things for each other. It knows nothing of workers.

import Foundation
import Processes
import Workflow

final class Handover: @unchecked Sendable {
  private let condition = NSCondition()
  private var jobs: [Job] = []
  private var grants: [(job: Int, threads: Int)] = []
  private var sink: (@Sendable (ExecutorEvent) -> Void)?
  private var isStopping = false
  private var hasStopped = false
  /// The pool waits on `wakeReader`; a byte into `wakeWriter` wakes it. An event rather than a queue's condition, since
  /// the pool waits for its workers' descriptors in the same call. -1 where there were no descriptors left.
  let wakeReader: Int32
  private let wakeWriter: Int32
  /// Why nothing can be run.
  let problem: ExecutorError?

  init() {
    var ends: [Int32] = [-1, -1]
    let failed = pipe(&ends) != 0
    problem = failed ? ExecutorError("can't start workers: \(SystemError(errno))") : nil
    for end in ends where !failed {
      _ = fcntl(end, F_SETFD, FD_CLOEXEC)
      _ = fcntl(end, F_SETFL, O_NONBLOCK)
    }
    (wakeReader, wakeWriter) = (ends[0], ends[1])
  }

  deinit {
    guard problem == nil else { return }
    close(wakeReader)
    close(wakeWriter)
  }

  // MARK: The driver's side

  /// Throws when nothing can be run any more.
  func submit(_ job: Job) throws {
    if let problem { throw problem }
    try condition.withLock {
      if isStopping { throw ExecutorError("the executor has been shut down") }
      jobs.append(job)
    }
    wake()
  }

  /// A job may compute with so many threads from now on.
  func grant(_ threads: Int, to job: Int) {
    condition.withLock { grants.append((job, threads)) }
    wake()
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

  // MARK: The pool's side

  /// New jobs, and what jobs were granted, since the last call; nil when it is time to stop.
  func takeJobs() -> (jobs: [Job], grants: [(job: Int, threads: Int)])? {
    var bytes = [UInt8](repeating: 0, count: 64)
    while read(wakeReader, &bytes, 64) > 0 {}
    return condition.withLock {
      defer {
        jobs.removeAll()
        grants.removeAll()
      }
      return isStopping ? nil : (jobs, grants)
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
