// Owns one worker process as the driver sees it: its start, the bytes to and from it, its end.

import Canonical
import CProcess
import ContentStore
import Foundation
import Workflow

/// How workers are started.
struct WorkerLaunch: Sendable {
  let path: String
  let arguments: [String]
  /// The whole environment but for the mark. Nothing of OMP_*, OPENBLAS_*, DNNL_* or MKL_* from outside: they
  /// decide bits. LD_LIBRARY_PATH only lets the program find its libraries; commands don't get it, nor
  /// SWIFT_BACKTRACE, which shortens what a crash leaves in the log.
  let environment: [String: String]

  init(path: String, arguments: [String], environment outside: [String: String]) {
    self.path = path
    self.arguments = arguments
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
  /// What it is doing, since when (monotonic seconds), until when it may, and whether it has been told to end for
  /// having taken too long.
  struct Task {
    let job: Job
    /// The members that it has given no result of.
    var unfinished: Set<Int>
    let started: Double
    var deadline: Double?
    var isOverdue = false
    let endedForMemoryBefore: Int?
  }

  let process: pid_t
  let channel: Int32
  var task: Task?
  private let mark: String
  private var incoming = MessageBuffer()
  private var outgoing: [UInt8] = []
  private var sent = 0

  /// Starts a worker. What it says before its first job goes to that job's log.
  init(_ launch: WorkerLaunch, firstLog: String) throws {
    var ends: [Int32] = [-1, -1]
    guard socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0, &ends) == 0
    else {
      throw ExecutorError("can't start a worker: \(String(cString: strerror(errno)))")
    }
    defer { close(ends[1]) }
    mark = "BOBBIN_WORKER=\(getpid())-\(UInt64.random(in: .min ... .max))"
    try? FileManager.default.createDirectory(
      atPath: (firstLog as NSString).deletingLastPathComponent, withIntermediateDirectories: true)
    let log = open(firstLog, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0o644)
    let output = log >= 0 ? log : open("/dev/null", O_WRONLY | O_CLOEXEC)
    defer { close(output) }
    let variables = launch.environment.map { "\($0)=\($1)" }.sorted() + [mark]
    var code: Int32 = 0
    process = list(["bobbin"] + launch.arguments).withUnsafeBufferPointer { arguments in
      list(variables).withUnsafeBufferPointer { environment in
        launch.path.withCString { path in
          var description = bobbin_process(
            path: path, arguments: arguments.baseAddress!, environment: environment.baseAddress!,
            directory: nil, output: output, channel: ends[1], new_session: 1, death_signal: SIGTERM,
            oom_score: 1000)
          return bobbin_spawn(&description, &code)
        }
      }
    }
    channel = ends[0]
    guard process > 0 else {
      close(channel)
      throw ExecutorError("can't start a worker (\(launch.path)): \(String(cString: strerror(code)))")
    }
  }

  var wantsToSend: Bool { sent < outgoing.count }

  func start(_ job: Job, at now: Double) {
    task = Task(
      job: job, unfinished: Set(job.members.map(\.instance)), started: now,
      deadline: job.resources.time.map { now + $0 },
      endedForMemoryBefore: Machine.endedForMemory)
    outgoing = MessageBuffer.framed(job.json)
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
    while let json = try incoming.next() { messages.append(try WorkerMessage(json: json)) }
    return (messages, isOpen)
  }

  /// Asks it to end what it runs and to go.
  func askToEnd() { kill(process, SIGTERM) }

  /// Waits until it has gone, for `patience` seconds before it is killed; ends what it may have left behind.
  /// Returns its status as `waitpid` gave it.
  func end(patience: Double) -> Int32 {
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
    return status
  }
}

/// Seconds on a clock that nobody sets.
func monotonicSeconds() -> Double {
  var now = timespec()
  clock_gettime(CLOCK_MONOTONIC, &now)
  return Double(now.tv_sec) + Double(now.tv_nsec) * 1e-9
}

/// Strings as C reads them here: each with its NUL, an empty one at the end.
private func list(_ strings: [String]) -> [CChar] {
  strings.flatMap { $0.utf8CString } + [0]
}
