// Owns what becomes of a stage's reports of its progress: at most ten a second go to the driver, and lines of them
// stand in the log.

import Foundation
import Processes
import Workflow

/// The reports of one member. They may come from any thread.
package final class ProgressReports: @unchecked Sendable {
  private let lock = NSLock()
  private let send: @Sendable (Progress) -> Void
  private let write: @Sendable (String) -> Void
  private let began = monotonicSeconds()
  private var sent = -Double.infinity
  private var written = -Double.infinity
  private var writtenFraction = -Double.infinity
  /// The least share of the work between two lines: a log is for reading.
  private static let step = 1.0 / 200 - 1e-9
  /// The last report, until its line is written.
  private var last: Progress?
  private var saidInvalid = false

  /// - Parameter write: takes lines for the log.
  package init(send: @escaping @Sendable (Progress) -> Void, write: @escaping @Sendable (String) -> Void) {
    self.send = send
    self.write = write
  }

  package func report(_ progress: Progress) {
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
  package func end() { lock.withLock { writeLine(at: monotonicSeconds()) } }

  /// About 200 lines in all, evenly; of work that doesn't know how far it is, at most one a second, and ever fewer.
  private func isLineDue(at now: Double) -> Bool {
    guard let last, last.fraction == writtenFraction else {
      return last.map { $0.fraction - writtenFraction >= ProgressReports.step } ?? false
    }
    return now - written >= max(1, (now - began) / 30)
  }

  private func writeLine(at now: Double) {
    guard let detail = last?.detail, !detail.isEmpty else { return }
    write(detail.map { "\($0.name) \($0.value)" }.joined(separator: ", "))
    writtenFraction = last?.fraction ?? writtenFraction
    last = nil
    written = now
  }
}
