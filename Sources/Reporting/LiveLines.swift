// Owns what stands on a terminal while a run goes on: an overall bar, and a line for each instance that runs.

/// The live part of a display, as lines without line breaks, none as wide as the terminal.
struct LiveLines {
  var columns: Int
  var rows: Int
  var usesColour: Bool

  /// `names` gives short names of instances that are shown together, of at most so many characters if that can be.
  func lines(_ state: RunState, at now: Double, names: ([Int], Int) -> [String]) -> [String] {
    guard state.total > 0 else { return [] }
    let others =
      waits(state, names: names) + state.transfers.compactMap { $0.line(at: now) }.map { cut("  \($0)") }
    let most = max(1, rows - 2 - others.count)
    let shown = state.running.prefix(state.running.count <= most ? most : most - 1)
    var lines = [overall(state, at: now)]
    let room = max(16, columns / 2)
    let names = names(shown.map(\.instance), room)
    let width = min(names.map(\.count).max() ?? 0, room)
    for (running, name) in zip(shown, names) {
      lines.append(line(running, name: name, width: width, at: now))
    }
    if state.running.count > shown.count {
      lines.append(cut("  and \(state.running.count - shown.count) more"))
    }
    return lines + others
  }

  /// What other drivers compute, a line for each of them.
  private func waits(_ state: RunState, names: ([Int], Int) -> [String]) -> [String] {
    state.elsewhere.sorted { $0.key < $1.key }.prefix(3).map { process, instances in
      // As many as there may be room for.
      let shown = names(Array(instances.prefix(columns / 4)), columns).joined(separator: ", ")
      return cut("  waiting for PID \(process): \(shown)")
    }
  }

  /// Bar, counts and times; where they don't fit, the least telling go first.
  private func overall(_ state: RunState, at now: Double) -> String {
    var facts = ["\(state.done)/\(state.total)"]
    if state.failed > 0 { facts.append("\(state.failed) failed") }
    facts.append(ticking(now - state.start))
    if let left = state.secondsLeft(at: now) { facts.append("about \(roughly(left)) left") }
    func text() -> String { " " + facts.joined(separator: "  ") }
    while facts.count > 1, text().count + 8 > columns { facts.removeLast() }
    let width = min(30, columns - text().count - 3)
    guard width >= 5 else { return cut(text()) }
    let filled = Int((state.fraction * Double(width)).rounded(.down))
    let bar = String(repeating: "█", count: filled)
    let rest = String(repeating: "░", count: width - filled)
    let colour = state.failed > 0 ? "31" : "32"
    return (usesColour ? "\u{1B}[\(colour)m\(bar)\u{1B}[0m" : bar) + rest
      + cut(text(), to: columns - 1 - width)
  }

  /// A line whose end, the time, stays; what comes between is cut.
  private func line(_ running: RunState.Running, name: String, width: Int, at now: Double) -> String {
    let start = "  " + padded(shortened(name, to: width), width)
    let end =
      "  "
      + (running.secondsLeft(at: now).map { "\(ticking($0.rounded(.up))) left" }
        ?? ticking(now - running.since))
    let room = columns - 1 - start.count - end.count
    let details = running.details.isEmpty || room < 8 ? "" : cut("  " + running.details, to: room)
    return cut(start + details + end)
  }

  /// A line that would wrap would spoil the next redrawing.
  private func cut(_ text: String) -> String { cut(text, to: columns - 1) }

  private func cut(_ text: String, to width: Int) -> String {
    text.count <= width ? text : String(text.prefix(max(0, width - 1))) + "…"
  }
}
