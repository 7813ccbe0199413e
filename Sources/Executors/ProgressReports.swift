// Owns what becomes of a stage's reports of its progress: at most ten a second go to the driver, and lines of them
// stand in the log.

import Foundation
import Processes
import Workflow

/// The reports of one member. They may come from any thread.
final class ProgressReports: @unchecked Sendable {
  private let lock = NSLock()
  private let send: @Sendable (Progress) -> Void
  private let write: @Sendable (String) -> Void
  private let began = monotonicSeconds()
  private var sent = -Double.infinity
  private var written = -Double.infinity
  /// The last report, until its line is written.
  private var last: Progress?
  private var saidInvalid = false

  /// - Parameter write: takes lines for the log.
  init(send: @escaping @Sendable (Progress) -> Void, write: @escaping @Sendable (String) -> Void) {
    self.send = send
    self.write = write
  }

  func report(_ progress: Progress) {
    lock.withLock {
      guard progress.fraction.isFinite else {
        if !saidInvalid { write("bobbin: progress of \(progress.fraction) was reported, and ignored") }
        saidInvalid = true
        return
      }
      var progress = progress
      progress.fraction = min(max(progress.fraction, 0), 1)
      let now = monotonicSeconds()
      // The last report before what comes first changes says most: how an epoch ended.
      if let last, last.detail.first?.value != progress.detail.first?.value, isLineDue(at: now) {
        writeLine(at: now)
      }
      last = progress
      guard now - sent >= 0.1 else { return }
      sent = now
      send(progress)
    }
  }

  /// No more will come: the last one stands in the log in any case.
  func end() { lock.withLock { writeLine(at: monotonicSeconds()) } }

  /// At most a line a second, and fewer in work that takes hours: a log is for reading.
  private func isLineDue(at now: Double) -> Bool { now - written >= max(1, (now - began) / 1000) }

  private func writeLine(at now: Double) {
    guard let detail = last?.detail, !detail.isEmpty else { return }
    write(detail.map { "\($0.name) \($0.value)" }.joined(separator: ", "))
    last = nil
    written = now
  }
}
