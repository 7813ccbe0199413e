// Owns what is said when a worker ends in the middle of a job.

import CProcess
import Foundation
import Workflow

enum Death {
  /// Why a worker with this `waitpid` status is no more.
  static func failure(status: Int32, job: Job, endedForMemoryBefore before: Int?) -> Failure {
    let signal = bobbin_signal(status)
    let log = job.members[0].log
    let what: String
    var cause = Failure.Cause.signal(Int(signal))
    if signal == SIGKILL {
      if let before, let now = Machine.endedForMemory, now > before {
        cause = .memory
        what =
          "killed by SIGKILL (9): memory ran out and the system ended it. Run fewer at a time (--jobs), or "
          + "make the work smaller"
      } else {
        what = "killed by SIGKILL (9): somebody killed it, or memory ran out"
      }
    } else if signal != 0 {
      let crashed = [SIGSEGV, SIGABRT, SIGILL, SIGTRAP, SIGBUS, SIGFPE].contains(signal)
      let name = String(cString: bobbin_signal_name(signal))
      what = "\(crashed ? "crashed with" : "killed by") \(name) (\(signal))"
    } else {
      cause = .exitStatus(Int(bobbin_exit_status(status)))
      what = "its process ended with status \(bobbin_exit_status(status)) in the middle of the work"
    }
    return Failure(cause, what + tail(of: log) + "\nlog: \(log)")
  }

  static func overdue(_ job: Job) -> Failure {
    let limit = job.resources.time ?? 0
    let spelled = limit == limit.rounded() ? String(Int(limit)) : String(limit)
    return Failure(
      .time, "ended after \(spelled) s, its time limit (resources: time)\nlog: \(job.members[0].log)")
  }

  /// Adds a line to a log that its worker can't write any more, and that may end in the middle of one.
  static func note(_ message: String, in log: String) {
    append("\nbobbin: \(message.split(separator: "\n").first ?? "")\n", to: log)
  }

  /// Adds text to a log. Without it nothing is wrong: the message is in the result too.
  static func append(_ text: String, to log: String) {
    let file = open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o644)
    guard file >= 0 else { return }
    defer { close(file) }
    let bytes = Array(text.utf8)
    _ = write(file, bytes, bytes.count)
  }

  /// The last lines of what it printed before any backtrace, each on a line of its own.
  private static func tail(of log: String) -> String {
    guard let file = FileHandle(forReadingAtPath: log) else { return "" }
    defer { try? file.close() }
    let size = (try? file.seekToEnd()) ?? 0
    try? file.seek(toOffset: size > 20_000 ? size - 20_000 : 0)
    guard let data = try? file.readToEnd() else { return "" }
    let lines = String(decoding: data, as: UTF8.self).split(separator: "\n").prefix { !$0.hasPrefix("*** ") }
    return lines.suffix(5).map { "\n  | \($0)" }.joined()
  }
}
