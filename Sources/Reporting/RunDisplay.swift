// Owns showing a run while it goes on: live on a terminal, plain lines elsewhere, nothing when that is wanted. It
// knows events, not how they come about.

import Foundation
import Workflow

/// A display of a run. Events and the clock's ticks may come from different threads.
public final class RunDisplay: @unchecked Sendable {
  private let lock = NSLock()
  private let names: ShortNames
  private let plain: PlainLines
  private let terminal: Terminal
  private let quiet: Bool
  private let now: @Sendable () -> Double
  private var state: RunState
  /// The lines that stand on the terminal and are to be redrawn: their widths in columns.
  private var drawn: [Int] = []
  private var lastDrawn = -Double.infinity
  private var isFinished = false

  /// - Parameters:
  ///   - store: its folder, where logs are.
  ///   - quiet: show failures and warnings alone, and no progress.
  ///   - now: seconds on any steady clock.
  ///   - ticks: whether time passing redraws by itself.
  public init(
    graph: Graph, store: URL, quiet: Bool = false,
    terminal: Terminal = .standardError(environment: ProcessInfo.processInfo.environment),
    now: @escaping @Sendable () -> Double = { ProcessInfo.processInfo.systemUptime }, ticks: Bool = true
  ) {
    names = ShortNames(graph)
    plain = PlainLines(graph: graph) { graph.log(of: $0, in: store).path }
    self.terminal = terminal
    self.quiet = quiet
    self.now = now
    state = RunState(start: now())
    guard ticks, !quiet else { return }
    let ticking = Thread { [weak self] in
      while self?.tick() == true { usleep(200_000) }
    }
    ticking.name = "display"
    ticking.start()
  }

  deinit { clear() }

  /// Takes an event of the run.
  public func show(_ event: RunEvent) {
    lock.withLock {
      guard !isFinished else { return }
      let time = now()
      state.apply(event, at: time)
      guard let size = terminal.size(), !quiet else {
        write(quiet ? lastingLines(event) : plain.lines(event))
        return
      }
      let lasting = lastingLines(event)
      // Progress comes often, and nobody reads faster.
      if lasting.isEmpty, case .progress = event, time - lastDrawn < 0.05 { return }
      draw(above: lasting, size, at: time)
    }
  }

  /// Takes the live lines away. What the run came to is for the caller to print.
  public func finish(_ report: RunReport) {
    lock.withLock {
      isFinished = true
      clear()
    }
  }

  /// Redraws as time goes by; false when there is nothing more to draw.
  @discardableResult public func tick() -> Bool {
    lock.withLock {
      guard !isFinished else { return false }
      let time = now()
      if let size = terminal.size() {
        draw(above: [], size, at: time)
      } else {
        write(plain.overdue(&state, at: time))
      }
      return true
    }
  }

  /// What stays on the screen, and is said even when quiet.
  private func lastingLines(_ event: RunEvent) -> [String] {
    switch event {
    case .finished(let report) where report.state == .failed: plain.failed(report)
    case .warning(let text): plain.warning(text)
    default: []
    }
  }

  private func draw(above lasting: [String], _ size: (columns: Int, rows: Int), at time: Double) {
    lastDrawn = time
    let live = LiveLines(columns: size.columns, rows: size.rows, usesColour: terminal.usesColour)
    let lines = live.lines(state, at: time) { legible(names[$0]) }
    terminal.write(erasure(size.columns) + (lasting + lines).map { $0 + "\n" }.joined())
    drawn = lines.map(visibleWidth)
  }

  private func clear() {
    if !drawn.isEmpty, let size = terminal.size() { terminal.write(erasure(size.columns)) }
    drawn = []
  }

  /// Up to the first live line, and everything from there on gone. Where the terminal has become narrower, lines
  /// have wrapped.
  private func erasure(_ columns: Int) -> String {
    guard !drawn.isEmpty else { return "" }
    let rows = drawn.reduce(0) { $0 + max(1, ($1 + columns - 1) / columns) }
    return "\r\u{1B}[\(rows)A\u{1B}[J"
  }

  private func write(_ lines: [String]) {
    if !lines.isEmpty { terminal.write(lines.map { $0 + "\n" }.joined()) }
  }
}

/// Characters without the sequences that colour them.
private func visibleWidth(_ line: String) -> Int {
  line.replacing(/\u{1B}\[[0-9;]*m/, with: "").count
}
