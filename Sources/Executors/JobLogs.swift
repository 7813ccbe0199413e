// Owns where what a job prints goes. Standard output and standard error lead to the log of the member whose turn it
// is; what is printed in everybody's turn waits in a file of its own until the turn passes, and then stands in the
// logs of all that aren't over. A log that can't be written stops nothing: the result says so.

import CProcess
import Foundation
import Processes
import Workflow

extension Job {
  /// Where what belongs to all members waits; nil when there is only one.
  var sharedLog: String? { members.count > 1 ? members[0].log + "-shared" : nil }
}

/// The logs of one job. Confined to the computing thread.
final class JobLogs {
  private let logs: [String]
  private let shared: String?
  private var open: Set<Int>
  private var holder: Int?
  /// Why a log isn't whole; the first reason there was.
  private(set) var problem: String?

  init(_ job: Job) {
    logs = job.members.map(\.log)
    shared = job.sharedLog
    open = Set(logs.indices)
    for log in logs + (shared.map { [$0] } ?? []) {
      let folder = (log as NSString).deletingLastPathComponent
      do { try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true) } catch
      {
        // Opening the log says why.
      }
      redirect(to: log, truncating: true)
    }
  }

  /// From now on it is this member's turn; nil: everybody's.
  func pass(to member: Int?) {
    guard let shared, member != holder else { return }
    flush()
    if holder == nil { share() }
    holder = member
    redirect(to: member.map { logs[$0] } ?? shared)
  }

  /// Adds a line to a member's log.
  func add(_ line: String, to member: Int) {
    flush()
    note(appendText(line + "\n", to: logs[member]), logs[member])
  }

  /// Nothing more is printed for this member.
  func end(_ member: Int) { open.remove(member) }

  /// From now on nothing that is printed is kept.
  func close() {
    flush()
    if let shared {
      if holder == nil { share() }
      unlink(shared)
    }
    redirect(to: "/dev/null")
  }

  /// Brings what was printed so far into the log.
  func flush() {
    guard bobbin_flush_output() != 0, problem == nil else { return }
    let log = holder.map { logs[$0] } ?? shared ?? logs[0]
    problem = "\(log): the log isn't whole: what was printed is partly lost"
  }

  /// Moves what was printed for all into the logs of those that aren't over.
  private func share() {
    guard let shared,
      let text = try? String(decoding: Data(contentsOf: URL(fileURLWithPath: shared)), as: UTF8.self),
      !text.isEmpty
    else { return }
    for member in open.sorted() { note(appendText(text, to: logs[member]), logs[member]) }
    truncate(shared, 0)
  }

  private func redirect(to path: String, truncating: Bool = false) {
    var file = openLog(path, truncating: truncating)
    if file < 0 {
      note(errno, path)
      file = Foundation.open("/dev/null", O_WRONLY | O_CLOEXEC)
    }
    guard file >= 0 else { return }
    dup2(file, 1)
    dup2(file, 2)
    Foundation.close(file)
  }

  private func note(_ code: Int32, _ path: String) {
    guard code != 0, problem == nil else { return }
    problem = "\(path): the log isn't whole: it can't be written (\(SystemError(code)))"
  }
}
