// Owns showing a run while it goes on: live on a terminal, plain lines elsewhere, nothing when that is wanted. It
// knows events, not how they come about.

import ContentStore
import Foundation
import Workflow

/// A display of a run. Events and the clock's ticks may come from different threads.
public final class RunDisplay: @unchecked Sendable {
  private let lock = NSLock()
  private let graph: Graph
  private let names: ShortNames
  private let plain: PlainLines
  private let terminal: Terminal
  private let quiet: Bool
  private let now: @Sendable () -> Double
  private let durations: @Sendable () -> Durations
  private let traffic: @Sendable () -> Traffic
  private let ticks: Bool
  private let announces: Bool
  private let followed: Set<Int>
  private var state: RunState
  /// The logs of followed instances that run.
  private var tails: [Int: LogTail] = [:]
  /// The lines that stand on the terminal and are to be redrawn: their widths in columns.
  private var drawn: [Int] = []
  private var lastDrawn = -Double.infinity
  private var isFinished = false

  /// - Parameters:
  ///   - store: its folder, where logs are; nil where none are kept.
  ///   - quiet: show failures and warnings alone, and no progress.
  ///   - jobs: how many instances run at a time.
  ///   - following: instances whose logs are shown as they come.
  ///   - durations: asked once, when something has to run, for what earlier runs took.
  ///   - traffic: how far what goes to remotes and comes from there is.
  ///   - now: seconds on any steady clock.
  ///   - ticks: whether time passing redraws by itself.
  ///   - announces: whether it says in the beginning how many instances there are.
  public init(
    graph: Graph, store: URL?, quiet: Bool = false, jobs: Int = 1, following: Set<Int> = [],
    durations: @escaping @Sendable () -> Durations = { Durations() },
    traffic: @escaping @Sendable () -> Traffic = { Traffic() },
    terminal: Terminal = .standardError(environment: ProcessInfo.processInfo.environment),
    now: @escaping @Sendable () -> Double = { ProcessInfo.processInfo.systemUptime }, ticks: Bool = true,
    announces: Bool = true
  ) {
    self.graph = graph
    names = ShortNames(graph)
    plain = PlainLines(graph: graph) { name in store.map { graph.log(of: name, in: $0).path } }
    self.terminal = terminal
    self.quiet = quiet
    self.now = now
    self.durations = durations
    self.traffic = traffic
    self.ticks = ticks
    self.announces = announces
    followed = following
    state = RunState(start: now(), stage: { graph.instances[$0].stage }, jobs: jobs)
    guard ticks, !quiet || !following.isEmpty else { return }
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
      state.apply(traffic(), at: time)
      if case .toDo = event, !quiet { learnDurations() }
      let followed = follow(event)
      guard let size = terminal.size(), !quiet else {
        write(followed + (quiet ? lastingLines(event) : plainLines(event)))
        return
      }
      let lasting = followed + lastingLines(event)
      // Progress comes often, and nobody reads faster.
      if lasting.isEmpty, case .progress = event, time - lastDrawn < 0.05 { return }
      draw(above: lasting, size, at: time)
    }
  }

  /// Takes the live lines away.
  public func finish() {
    lock.withLock {
      isFinished = true
      clear()
    }
  }

  /// Takes the live lines away, and lists failures that were too many to be told as they happened. What the run came
  /// to is for the caller to print.
  public func finish(_ report: RunReport) {
    finish()
    lock.withLock { write(Failures(report, graph).lines) }
  }

  /// Redraws as time goes by; false when there is nothing more to draw.
  @discardableResult public func tick() -> Bool {
    lock.withLock {
      guard !isFinished else { return false }
      let time = now()
      state.apply(traffic(), at: time)
      let followed = tails.keys.sorted().flatMap { newLines(of: $0) }
      if let size = terminal.size(), !quiet {
        draw(above: followed, size, at: time)
      } else {
        write(followed + (quiet ? [] : plain.overdue(&state, at: time)))
      }
      return true
    }
  }

  /// Asks what earlier runs took, beside the events where the clock ticks by itself.
  private func learnDurations() {
    guard ticks else { return state.durations = durations() }
    let asking = Thread { [weak self, durations] in
      let known = durations()
      self?.lock.withLock { self?.state.durations = known }
    }
    asking.name = "durations"
    asking.start()
  }

  // Logs that are followed.

  /// What an event means for the logs that are followed, and the lines that came to them until then.
  private func follow(_ event: RunEvent) -> [String] {
    switch event {
    case .started(let i, _) where followed.contains(i):
      if let log = plain.log(graph.instances[i].name) { tails[i] = LogTail(log) }
      return []
    case .finished(let report) where followed.contains(report.instance):
      let lines = newLines(of: report.instance, atEnd: true)
      tails[report.instance] = nil
      return lines
    default: return []
    }
  }

  private func newLines(of i: Int, atEnd: Bool = false) -> [String] {
    let name = followed.count > 1 ? legible(names[i]) : graph.instances[i].stage
    return (tails[i]?.lines(atEnd: atEnd) ?? []).map { "\(name) | \($0)" }
  }

  /// What stays on the screen, and is said even when quiet.
  private func lastingLines(_ event: RunEvent) -> [String] {
    switch event {
    case .finished(let report) where report.state == .failed: failureLines(report)
    case .warning(let text): plain.warning(text)
    case .retrying: plain.lines(event)
    default: []
    }
  }

  private func plainLines(_ event: RunEvent) -> [String] {
    if case .planned = event, !announces { return [] }
    if case .finished(let report) = event, report.state == .failed { return failureLines(report) }
    return plain.lines(event)
  }

  /// The first few failures in full; the others are counted, and listed in the end.
  private func failureLines(_ report: InstanceReport) -> [String] {
    switch state.failed {
    case ...Failures.mostAtOnce: plain.failed(report)
    case Failures.mostAtOnce + 1: ["more have failed; all of them are listed in the end"]
    default: []
    }
  }

  private func draw(above lasting: [String], _ size: (columns: Int, rows: Int), at time: Double) {
    lastDrawn = time
    let live = LiveLines(columns: size.columns, rows: size.rows, usesColour: terminal.usesColour)
    let lines = live.lines(state, at: time) { names.names(of: $0, width: $1) }
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
