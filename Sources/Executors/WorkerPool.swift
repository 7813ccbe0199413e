// Owns the workers: who does what, who takes too long or too much, who died. Runs on one thread; nothing else
// touches it.

import CProcess
import Foundation
import Processes
import Workflow

/// A pool of workers.
final class WorkerPool {
  private let limit: Int
  private let launch: WorkerLaunch
  private let handover: Handover
  private var workers: [WorkerProcess] = []
  private var waiting: [Job] = []
  private var gpus: GPUs
  private let groups: MemoryGroupPlace?

  /// How long an overdue worker has to end what it started, in seconds.
  private static let grace = 2.0
  /// How often memory is looked at, in seconds.
  private static let watchInterval = 0.1
  /// How often it is looked whether other drivers have given GPUs back, in seconds.
  private static let gpuInterval = 0.2

  init(limit: Int, gpus: [String], launch: WorkerLaunch, handover: Handover, usesControlGroups: Bool) {
    self.limit = limit
    self.gpus = GPUs(gpus)
    self.launch = launch
    self.handover = handover
    groups = usesControlGroups ? MemoryGroupPlace.find() : nil
  }

  /// Serves the handover until it is time to stop.
  func run() {
    defer { handover.stopped() }
    if handover.problem != nil { return }
    // What a killed worker leaves behind becomes ours, to be ended and reaped.
    bobbin_adopt_orphans()
    while let (jobs, grants) = handover.takeJobs() {
      waiting += jobs
      for (job, threads) in grants { grant(threads, to: job) }
      assign()
      wait()
      enforceLimits()
    }
    stop()
  }

  private func assign() {
    var next = 0
    while next < waiting.count {
      let job = waiting[next]
      guard workers.count < limit || workers.contains(where: { $0.task == nil }) else { return }
      guard let taken = gpus.take(job.resources.gpus, store: job.store) else {
        // Another driver has what this one needs; who needs none goes on.
        next += 1
        continue
      }
      do {
        if let idle = workers.first(where: { $0.task == nil }) {
          try begin(job, taken, on: idle)
        } else {
          let worker = try WorkerProcess(launch, firstLog: job.members[0].log)
          workers.append(worker)
          try begin(job, taken, on: worker)
        }
      } catch {
        gpus.giveBack(taken)
        let failure = error as? Failure ?? Failure(.other, "\(error)")
        handover.post(.lost(instances: job.members.map(\.instance), failure, seconds: 0))
        handover.post(.ended(job: job.id))
      }
      waiting.remove(at: next)
    }
  }

  private func grant(_ threads: Int, to job: Int) {
    if let n = waiting.firstIndex(where: { $0.id == job }) {
      waiting[n].threads = threads
    } else {
      workers.first { $0.task?.job.id == job }?.grant(threads, to: job)
    }
  }

  private func begin(_ job: Job, _ gpus: [TakenGPU], on worker: WorkerProcess) throws {
    var task = WorkerProcess.Task(job, gpus, at: monotonicSeconds())
    if let limit = job.resources.memory {
      if let groups, let group = MemoryGroup(limit: limit, in: groups) {
        if group.add(worker.process) { task.group = group } else { group.remove(worker: nil) }
      }
      if task.group == nil { task.memoryBefore = ProcessMemory.ofTree(worker.process, limit: .max) }
    }
    do { try worker.start(task) } catch {
      task.group?.remove(worker: worker.process)
      throw error
    }
  }

  /// Waits for a message, a death, a new job, the next deadline or the next look at memory.
  private func wait() {
    var descriptors = [pollfd(fd: handover.wakeReader, events: Int16(POLLIN), revents: 0)]
    for worker in workers {
      let events = POLLIN | (worker.wantsToSend ? POLLOUT : 0)
      descriptors.append(pollfd(fd: worker.channel, events: Int16(events), revents: 0))
    }
    let now = monotonicSeconds()
    var next = workers.compactMap { $0.task?.deadline }.min()
    if !waiting.isEmpty, workers.count < limit || workers.contains(where: { $0.task == nil }) {
      // What waits, waits for a GPU that another driver has.
      next = min(next ?? .infinity, now + WorkerPool.gpuInterval)
    }
    if workers.contains(where: { $0.task?.job.resources.memory != nil }) {
      next = min(next ?? .infinity, now + WorkerPool.watchInterval)
    }
    let timeout = next.map { Int32(min(max(($0 - now) * 1000 + 1, 0), 60_000)) } ?? -1
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
        case .started(let instance): handover.post(.started(instance: instance))
        case .progress(let instance, let progress):
          handover.post(.progress(instance: instance, progress))
        case .saved(let instance, let state, let blobs):
          handover.post(.saved(instance: instance, state, blobs: blobs))
        case .finished(let instance, let result, let seconds):
          try finish(instance, of: worker, result, seconds: seconds)
        }
      }
      if !isOpen { bury(worker) }
    } catch {
      worker.askToEnd()
      bury(worker, because: "\(error)")
    }
  }

  private func finish(_ instance: Int, of worker: WorkerProcess, _ result: JobResult, seconds: Double) throws
  {
    guard var task = worker.task, task.unfinished.remove(instance) != nil else {
      throw ProtocolError("a result of a job that nobody asked for")
    }
    handover.post(.finished(instance: instance, task.judged(result, of: instance), seconds: seconds))
    worker.task = task
    guard task.unfinished.isEmpty else { return }
    worker.task = nil
    if task.group?.remove(worker: worker.process) == false {
      workers.removeAll { $0 === worker }
      worker.askToEnd()
      _ = worker.end(patience: WorkerPool.grace)
      task.group?.remove(worker: nil)
    }
    gpus.giveBack(task.gpus)
    handover.post(.ended(job: task.job.id))
  }

  /// Takes a dead worker out and fails what it was doing.
  private func bury(_ worker: WorkerProcess, because problem: String? = nil) {
    workers.removeAll { $0 === worker }
    let end = worker.end(patience: 1)
    guard var task = worker.task else { return }
    let lost = task.job.members.filter { task.unfinished.contains($0.instance) }
    let log = task.job.lastWrittenLog(of: lost)
    var failure =
      problem.map { Failure(.other, $0) }
      ?? task.reasonToEnd.map {
        $0 == .time ? Death.overdue(task.job, log: log) : Death.overMemory(task.job, log: log)
      }
      ?? (task.groupEndedSomething()
        ? Death.overMemory(task.job, log: log)
        : Death.failure(end, log: log, ranOutOfMemory: task.systemEndedSomething))
    task.job.shareLog(among: lost)
    failure.message = Secrecy(lost).hidden(failure.message)
    for member in lost { Secrecy([member]).clean(log: member.log) }
    for member in lost { Death.note(failure.message, in: member.log) }
    task.group?.remove(worker: nil)
    gpus.giveBack(task.gpus)
    handover.post(
      .lost(instances: lost.map(\.instance), failure, seconds: monotonicSeconds() - task.started))
    handover.post(.ended(job: task.job.id))
  }

  private func enforceLimits() {
    let now = monotonicSeconds()
    for worker in workers {
      guard let task = worker.task else { continue }
      if let deadline = task.deadline, deadline <= now {
        if task.reasonToEnd == .time {
          kill(worker.process, SIGKILL)
          bury(worker)
          continue
        }
        worker.task?.reasonToEnd = .time
        worker.task?.deadline = now + WorkerPool.grace
        worker.askToEnd()
      }
      if worker.task?.reasonToEnd == nil, worker.task?.isOverMemory(of: worker.process) == true {
        // At once: it goes on taking memory while it is asked, or waits for a part that was killed.
        worker.task?.reasonToEnd = .memory
        kill(worker.process, SIGKILL)
        bury(worker)
      }
    }
  }

  private func stop() {
    for worker in workers { worker.askToEnd() }
    let deadline = monotonicSeconds() + WorkerPool.grace
    for worker in workers {
      _ = worker.end(patience: max(0, deadline - monotonicSeconds()))
      worker.task?.group?.remove(worker: nil)
      worker.task?.job.shareLog(among: worker.task?.job.members ?? [])
    }
    workers = []
  }
}

extension Job {
  /// Where something was printed last: when a worker dies, what it did last says most.
  func lastWrittenLog(of members: [JobMember]) -> String {
    let logs = members.map(\.log) + (sharedLog.map { [$0] } ?? [])
    func age(_ log: String) -> timespec {
      var status = stat()
      return stat(log, &status) == 0 ? status.st_mtim : timespec()
    }
    let last = logs.map { (log: $0, time: age($0)) }.max { a, b in
      (a.time.tv_sec, a.time.tv_nsec) < (b.time.tv_sec, b.time.tv_nsec)
    }
    return last?.log ?? self.members[0].log
  }

  /// What was printed for all members, and that a dead worker can't pass on, goes into the logs of these.
  func shareLog(among members: [JobMember]) {
    guard let sharedLog else { return }
    if let text = try? Data(contentsOf: URL(fileURLWithPath: sharedLog)), !text.isEmpty {
      for member in members { _ = appendText(String(decoding: text, as: UTF8.self), to: member.log) }
    }
    unlink(sharedLog)
  }
}
