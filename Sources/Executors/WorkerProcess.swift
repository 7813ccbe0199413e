// Owns one worker process as the driver sees it: its start, the bytes to and from it, its end.

import Canonical
import CProcess
import Foundation
import Processes
import Workflow

/// How workers are started.
struct WorkerLaunch: Sendable {
  let path: String
  let arguments: [String]
  /// The whole environment but for the mark. Nothing of OMP_*, OPENBLAS_*, DNNL_* or MKL_* from outside: they
  /// decide bits. LD_LIBRARY_PATH passes, since a program may need it to find its libraries; it can lead to others
  /// than usual, so what the facts say of libraries comes from those that are loaded. Commands don't get it, nor
  /// SWIFT_BACKTRACE, which shortens what a crash leaves in the log.
  let environment: [String: String]
  /// In bytes.
  let longestMessage: Int

  init(path: String, arguments: [String], environment outside: [String: String], longestMessage: Int) {
    self.path = path
    self.arguments = arguments
    self.longestMessage = longestMessage
    var inside = [
      "PATH": outside["PATH"] ?? "/usr/local/bin:/usr/bin:/bin", "HOME": outside["HOME"] ?? "/",
      "LANG": "C.UTF-8", "TMPDIR": outside["TMPDIR"] ?? "/tmp", "OMP_NUM_THREADS": "1",
      "OPENBLAS_NUM_THREADS": "1", "SWIFT_BACKTRACE": "color=no,registers=none,images=none",
    ]
    inside["LD_LIBRARY_PATH"] = outside["LD_LIBRARY_PATH"]
    environment = inside
  }
}

/// A worker. Confined to the pool's thread.
final class WorkerProcess {
  /// What it is doing.
  struct Task {
    enum ReasonToEnd { case time, memory }

    let job: Job
    let gpus: [TakenGPU]
    /// The members that it has given no result of.
    var unfinished: Set<Int>
    /// Monotonic seconds.
    let started: Double
    /// Until when it may go on.
    var deadline: Double?
    /// Why it has been told to end.
    var reasonToEnd: ReasonToEnd?
    /// What keeps it within its limit of memory; without one, what it held before, since then the pool watches it.
    var group: MemoryGroup?
    var memoryBefore: Int?
    private var endedByGroup = 0
    private let endedBySystem = ProcessMemory.ended

    init(_ job: Job, _ gpus: [TakenGPU], at now: Double) {
      self.gpus = gpus
      var job = job
      let ids = gpus.map(\.id).joined(separator: ",")
      for i in job.members.indices where !gpus.isEmpty {
        job.members[i].environment[Machine.visibleDevices] = ids
      }
      self.job = job
      unfinished = Set(job.members.map(\.instance))
      started = now
      deadline = job.resources.time.map { now + $0 }
    }

    /// Whether the kernel has ended some process, here or elsewhere, because memory ran out.
    var systemEndedSomething: Bool {
      guard let endedBySystem, let now = ProcessMemory.ended else { return false }
      return now > endedBySystem
    }

    /// Whether the limit has ended something since the last time this was asked.
    mutating func groupEndedSomething() -> Bool {
      guard let now = group?.ended, now > endedByGroup else { return false }
      endedByGroup = now
      return true
    }

    /// Whether its limit of memory has ended a part of the job, or has to.
    mutating func isOverMemory(of worker: pid_t) -> Bool {
      if group != nil { return groupEndedSomething() }
      guard let memoryBefore, let limit = job.resources.memory else { return false }
      return ProcessMemory.ofTree(worker, limit: memoryBefore + limit) > memoryBefore + limit
    }

    /// A worker's result in the light of what the kernel has ended behind its back: a command may go on without a
    /// part that was killed, and call that a success.
    mutating func judged(_ result: JobResult, of instance: Int) -> JobResult {
      guard let log = job.members.first(where: { $0.instance == instance })?.log else { return result }
      var failure: Failure? = if case .failure(let failure) = result { failure } else { nil }
      if groupEndedSomething() {
        failure = Death.overMemory(job, log: log, besides: failure)
      } else if let known = failure {
        let explained = Death.explained(known, ranOutOfMemory: systemEndedSomething)
        if explained == known { return result }
        failure = explained
      }
      guard let failure else { return result }
      Death.note(failure.message, in: log)
      return .failure(failure)
    }
  }

  let process: pid_t
  let channel: Int32
  var task: Task?
  private let mark: String
  private let longestMessage: Int
  private var incoming: MessageBuffer
  private var outgoing: [UInt8] = []
  private var sent = 0

  /// Starts a worker. What it says before its first job goes to that job's log.
  init(_ launch: WorkerLaunch, firstLog: String) throws {
    var ends: [Int32] = [-1, -1]
    guard socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0, &ends) == 0
    else { throw ExecutorError("can't start a worker: \(SystemError(errno))") }
    defer { close(ends[1]) }
    let value = "\(getpid())-\(UInt64.random(in: .min ... .max))"
    mark = "BOBBIN_WORKER=\(value)"
    try? FileManager.default.createDirectory(
      atPath: (firstLog as NSString).deletingLastPathComponent, withIntermediateDirectories: true)
    let log = openLog(firstLog, truncating: true)
    let output = log >= 0 ? log : open("/dev/null", O_WRONLY | O_CLOEXEC)
    defer { close(output) }
    // When the driver dies, the worker sees the end of its channel; if it is stopped then, it has to be woken first.
    let program = Program(
      path: launch.path, arguments: ["bobbin"] + launch.arguments,
      environment: launch.environment.merging(["BOBBIN_WORKER": value]) { $1 }, output: output,
      channel: ends[1],
      leadsSession: true, deathSignal: SIGCONT)
    do { process = try program.start() } catch {
      close(ends[0])
      throw ExecutorError("can't start a worker (\(launch.path)): \(error)")
    }
    channel = ends[0]
    longestMessage = launch.longestMessage
    incoming = MessageBuffer(longest: longestMessage)
  }

  var wantsToSend: Bool { sent < outgoing.count }

  /// Gives it a job. Throws `Failure` where the job is too long to be sent.
  func start(_ task: Task) throws {
    guard let bytes = MessageBuffer.framed(DriverMessage.job(task.job).json, longest: longestMessage) else {
      throw Failure(
        .input,
        "it reads too many files: the list of them is longer than \(Resources.spelled(longestMessage)). Put files "
          + "into archives, or split what it reads among several stages")
    }
    self.task = task
    say(bytes)
  }

  /// Tells it how many threads its job may compute with.
  func grant(_ threads: Int, to job: Int) {
    if let bytes = MessageBuffer.framed(DriverMessage.threads(threads, job: job).json) { say(bytes) }
  }

  private func say(_ bytes: [UInt8]) {
    outgoing = outgoing[sent...] + bytes
    sent = 0
    send()
  }

  /// Sends what the socket takes; the rest when `poll` says so. A dead worker shows on the reading side.
  func send() {
    while wantsToSend {
      let n = outgoing[sent...].withUnsafeBytes {
        Glibc.send(channel, $0.baseAddress, $0.count, Int32(MSG_DONTWAIT) | Int32(MSG_NOSIGNAL))
      }
      if n < 0, errno == EINTR { continue }
      guard n > 0 else { return }
      sent += n
    }
  }

  /// Reads what is there. `isOpen` is false when the worker has gone.
  func receive() throws -> (messages: [WorkerMessage], isOpen: Bool) {
    var isOpen = true
    var chunk = [UInt8](repeating: 0, count: 1 << 16)
    while true {
      let n = recv(channel, &chunk, chunk.count, Int32(MSG_DONTWAIT))
      if n > 0 { incoming.append(chunk[..<n]); continue }
      if n < 0, errno == EINTR { continue }
      if n == 0 || errno != EAGAIN { isOpen = false }
      break
    }
    var messages: [WorkerMessage] = []
    while let json = try incoming.next() {
      if let message = try WorkerMessage(json: json) { messages.append(message) }
    }
    return (messages, isOpen)
  }

  /// Asks it to end what it runs and to go, even if it is stopped.
  func askToEnd() {
    kill(process, SIGTERM)
    kill(process, SIGCONT)
  }

  /// Waits until it has gone, for `patience` seconds before it is killed; ends what it may have left behind.
  func end(patience: Double) -> ProcessEnd {
    close(channel)
    var status: Int32 = 0
    let deadline = monotonicSeconds() + patience
    while waitpid(process, &status, WNOHANG) == 0 {
      if monotonicSeconds() >= deadline {
        kill(process, SIGKILL)
        waitpid(process, &status, 0)
        break
      }
      usleep(500)
    }
    _ = bobbin_end_session(process, mark)
    return ProcessEnd(waitStatus: status)
  }
}
