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
          let worker = try WorkerProcess(launch, firstLog: job.members[0].log)
          workers.append(worker)
          begin(job, on: worker)
        } catch {
          mailbox.post(.lost(instances: job.members.map(\.instance), Failure(.other, "\(error)"), seconds: 0))
          mailbox.post(.ended(job: job.id))
        }
      } else {
        return
      }
      waiting.removeFirst()
    }
  }

  private func begin(_ job: Job, on worker: WorkerProcess) {
    worker.start(job, at: monotonicSeconds())
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
        case .started(let instance): mailbox.post(.started(instance: instance))
        case .progress(let instance, let progress):
          mailbox.post(.progress(instance: instance, progress))
        case .finished(let instance, let result, let seconds):
          guard worker.task?.unfinished.remove(instance) != nil else {
            throw ProtocolError("a result of a job that nobody asked for")
          }
          mailbox.post(.finished(instance: instance, result, seconds: seconds))
          guard let task = worker.task, task.unfinished.isEmpty else { continue }
          worker.task = nil
          mailbox.post(.ended(job: task.job.id))
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
    let failure =
      problem.map { Failure(.other, $0) }
      ?? (task.isOverdue
        ? Death.overdue(task.job)
        : Death.failure(status: status, job: task.job, endedForMemoryBefore: task.endedForMemoryBefore))
    let lost = task.job.members.filter { task.unfinished.contains($0.instance) }
    for member in lost { Death.note(failure.message, in: member.log) }
    mailbox.post(
      .lost(instances: lost.map(\.instance), failure, seconds: monotonicSeconds() - task.started))
    mailbox.post(.ended(job: task.job.id))
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
