// Owns what is said when a worker ends in the middle of a job, or the kernel ended something of one.

import Foundation
import Processes
import Workflow

package enum Death {
  /// Why a worker that ended like this is no more.
  static func failure(_ end: ProcessEnd, log: String, ranOutOfMemory: Bool) -> Failure {
    let what: String
    var cause: Failure.Cause
    switch end {
    case .signal(let signal) where signal == SIGKILL && ranOutOfMemory:
      cause = .memory
      what =
        "killed by SIGKILL (9): memory ran out and the system ended it. Run fewer at a time (--jobs), or "
        + "make the work smaller"
    case .signal(let signal):
      cause = .signal(signal)
      let crashed = [SIGSEGV, SIGABRT, SIGILL, SIGTRAP, SIGBUS, SIGFPE].contains(Int32(signal))
      what =
        (crashed ? "crashed with " : "killed by ") + ProcessEnd.name(ofSignal: signal)
        + (signal == SIGKILL ? ": somebody killed it, or memory ran out" : "")
        + (crashed ? ProcessLimit.addressSpace.hint : "")
    case .status(let status):
      cause = .exitStatus(status)
      what =
        "its process ended with status \(status) in the middle of the work" + ProcessLimit.addressSpace.hint
    }
    // What it printed before any backtrace.
    let printed = lastLines(of: log).prefix { !$0.hasPrefix("*** ") }
    return Failure(cause, what + quotedLines(printed.suffix(5)) + "\nlog: \(log)")
  }

  static func overdue(_ job: Job, log: String) -> Failure {
    let limit = job.resources.time ?? 0
    let spelled = limit == limit.rounded() ? String(Int(limit)) : String(limit)
    return Failure(.time, "ended after \(spelled) s, its time limit (resources: time)\nlog: \(log)")
  }

  /// - Parameter result: what came of it besides.
  static func overMemory(_ job: Job, log: String, besides result: Failure? = nil) -> Failure {
    let limit = Resources.spelled(job.resources.memory ?? 0)
    let besides = result.map { "\n" + $0.message } ?? ""
    return Failure(
      .memory, "ended: it used more than its \(limit) of memory (resources: memory)\(besides)\nlog: \(log)")
  }

  /// A failure that a process's sudden end explains, when the kernel ended some for lack of memory meanwhile.
  package static func explained(_ failure: Failure, ranOutOfMemory: Bool) -> Failure {
    guard ranOutOfMemory,
      failure.cause == .signal(Int(SIGKILL)) || failure.cause == .exitStatus(128 + Int(SIGKILL))
    else { return failure }
    return Failure(
      .memory,
      "memory ran out and the system ended it. Run fewer at a time (--jobs), or make the work smaller\n"
        + failure.message)
  }

  /// Adds a line to a log that its worker can't write any more, and that may end in the middle of one. When that
  /// fails, nothing is lost: the message is in the result too.
  static func note(_ message: String, in log: String) {
    _ = appendText("\nbobbin: \(message.split(separator: "\n").first ?? "")\n", to: log)
  }
}
