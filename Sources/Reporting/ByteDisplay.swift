// Owns telling how far something is that takes bytes to be read or fetched, when that takes longer than a second. It
// knows no store.

import Foundation
import Synchronization

/// A line about bytes: `reading  1.2 GiB of 3.4 GiB  120 MiB/s  18s left`. On a terminal it is redrawn and goes in the
/// end; elsewhere there is one now and then.
public final class ByteDisplay: Sendable {
  private struct State {
    var start: Double
    var isDrawn = false
    /// When the next line is due.
    var next: Double
    /// How long after that the one after it is.
    var pause: Double
  }

  private let what: String
  private let terminal: Terminal
  private let quiet: Bool
  private let now: @Sendable () -> Double
  private let state: Mutex<State>

  /// - Parameters:
  ///   - what: what is done, `reading`.
  ///   - now: seconds on any steady clock.
  public init(
    _ what: String, quiet: Bool = false,
    terminal: Terminal = .standardError(environment: ProcessInfo.processInfo.environment),
    now: @escaping @Sendable () -> Double = { ProcessInfo.processInfo.systemUptime }
  ) {
    self.what = what
    self.terminal = terminal
    self.quiet = quiet
    self.now = now
    let start = now()
    state = Mutex(State(start: start, next: start + 1, pause: 9))
  }

  /// So many bytes of so many are done. From any thread.
  public func show(_ done: Int, of total: Int) {
    if quiet { return }
    state.withLock { state in
      let time = now()
      guard time >= state.next else { return }
      let line = byteLine(what, done, of: total, seconds: time - state.start)
      if let size = terminal.size() {
        let cut = line.count < size.columns ? line : String(line.prefix(max(0, size.columns - 2))) + "…"
        terminal.write((state.isDrawn ? ByteDisplay.erasure : "") + cut + "\n")
        state.isDrawn = true
        state.next = time + 0.2
      } else {
        terminal.write(line + "\n")
        state.next = time + state.pause
        state.pause = min(60, 2 * state.pause)
      }
    }
  }

  /// It is done, or will not be: the line goes.
  public func end() {
    state.withLock { state in
      if state.isDrawn { terminal.write(ByteDisplay.erasure) }
      state.isDrawn = false
    }
  }

  private static let erasure = "\r\u{1B}[1A\u{1B}[J"
}

/// `fetching  1.2 GiB of 3.4 GiB  120 MiB/s  18s left`
func byteLine(_ what: String, _ done: Int, of total: Int, seconds: Double) -> String {
  let rate = Double(done) / seconds
  var parts = ["\(what)", "\(humanBytes(done)) of \(humanBytes(total))", "\(humanBytes(Int(rate)))/s"]
  if rate > 0, done < total {
    parts.append("\(ticking((Double(total - done) / rate).rounded(.up))) left")
  }
  return parts.joined(separator: "  ")
}
