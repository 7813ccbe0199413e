// Owns the workers: who does what, who takes too long, who died. Runs on one thread; nothing else touches it.

import CProcess
import Foundation
import Workflow

/// A pool of workers.
final class WorkerPool {
  private let limit: Int
  private let launch: WorkerLaunch
  private let mailbox: Mailbox
  private var workers: [WorkerProcess] = []
  private var waiting: [Job] = []

  /// How long an overdue worker has to end what it started, in seconds.
  private static let grace = 2.0

  init(limit: Int, launch: WorkerLaunch, mailbox: Mailbox) {
    self.limit = limit
    self.launch = launch
    self.mailbox = mailbox
  }

  /// Serves the mailbox until it is time to stop.
  func run() {
    // What a killed worker leaves behind becomes ours, to be ended and reaped.
    bobbin_adopt_orphans()
    while let jobs = mailbox.takeJobs() {
      waiting += jobs
      assign()
      wait()
      enforceDeadlines()
    }
    stop()
    mailbox.stopped()
  }

  private func assign() {
    while let job = waiting.first {
      if let idle = workers.first(where: { $0.task == nil }) {
        begin(job, on: idle)
      } else if workers.count < limit {
        do {
          let worker = try WorkerProcess(launch, firstLog: job.log)
          workers.append(worker)
          begin(job, on: worker)
        } catch {
          mailbox.post(.finished(job: job.id, .failure("\(error)"), seconds: 0))
        }
      } else {
        return
      }
      waiting.removeFirst()
    }
  }

  private func begin(_ job: Job, on worker: WorkerProcess) {
    worker.start(job, at: monotonicSeconds())
    mailbox.post(.started(job: job.id))
  }

  /// Waits for a message, a death, a new job or the next deadline.
  private func wait() {
    var descriptors = [pollfd(fd: mailbox.wakeReader, events: Int16(POLLIN), revents: 0)]
    for worker in workers {
      let events = POLLIN | (worker.wantsToSend ? POLLOUT : 0)
      descriptors.append(pollfd(fd: worker.channel, events: Int16(events), revents: 0))
    }
    var timeout: Int32 = -1
    if let next = workers.compactMap({ $0.task?.deadline }).min() {
      timeout = Int32(min(max((next - monotonicSeconds()) * 1000 + 1, 0), 60_000))
    }
    guard poll(&descriptors, nfds_t(descriptors.count), timeout) > 0 else { return }
    for (worker, descriptor) in zip(workers, descriptors.dropFirst()) where descriptor.revents != 0 {
      if Int32(descriptor.revents) & POLLOUT != 0 { worker.send() }
      if Int32(descriptor.revents) & ~POLLOUT != 0 { listen(to: worker) }
    }
  }

  private func listen(to worker: WorkerProcess) {
    do {
      let (messages, isOpen) = try worker.receive()
      for message in messages {
        switch message {
        case .progress(let job, let progress): mailbox.post(.progress(job: job, progress))
        case .finished(let job, let result):
          guard let task = worker.task, task.job.id == job else {
            throw ProtocolError("a result of a job that nobody asked for")
          }
          worker.task = nil
          mailbox.post(.finished(job: job, result, seconds: monotonicSeconds() - task.started))
        }
      }
      if !isOpen { bury(worker) }
    } catch {
      worker.askToEnd()
      bury(worker, because: "\(error)")
    }
  }

  /// Takes a dead worker out and fails what it was doing.
  private func bury(_ worker: WorkerProcess, because problem: String? = nil) {
    workers.removeAll { $0 === worker }
    let status = worker.end(patience: 1)
    guard let task = worker.task else { return }
    let message =
      problem
      ?? (task.isOverdue
        ? Death.overdue(task.job)
        : Death.message(status: status, job: task.job, endedForMemoryBefore: task.endedForMemoryBefore))
    Death.note(message, in: task.job.log)
    mailbox.post(
      .finished(job: task.job.id, .failure(message), seconds: monotonicSeconds() - task.started))
  }

  private func enforceDeadlines() {
    let now = monotonicSeconds()
    for worker in workers {
      guard let task = worker.task, let deadline = task.deadline, deadline <= now else { continue }
      if task.isOverdue {
        kill(worker.process, SIGKILL)
        bury(worker)
      } else {
        worker.task?.isOverdue = true
        worker.task?.deadline = now + WorkerPool.grace
        worker.askToEnd()
      }
    }
  }

  private func stop() {
    for worker in workers { worker.askToEnd() }
    let deadline = monotonicSeconds() + WorkerPool.grace
    for worker in workers { _ = worker.end(patience: max(0, deadline - monotonicSeconds())) }
    workers = []
  }
}
