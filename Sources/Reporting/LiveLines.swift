// Owns what stands on a terminal while a run goes on: an overall bar, and a line for each instance that runs.

/// The live part of a display, as lines without line breaks.
struct LiveLines {
  var columns: Int
  var rows: Int
  var usesColour: Bool

  /// `name` gives an instance's short name.
  func lines(_ state: RunState, at now: Double, name: (Int) -> String) -> [String] {
    guard state.total > 0 else { return [] }
    let most = max(1, rows - 2)
    let shown = state.running.prefix(state.running.count <= most ? most : most - 1)
    var lines = [overall(state, at: now)]
    let names = shown.map { name($0.instance) }
    let width = min(names.map(\.count).max() ?? 0, max(16, columns / 2))
    for (running, name) in zip(shown, names) {
      lines.append(line(running, name: name, width: width, at: now))
    }
    if state.running.count > shown.count {
      lines.append(cut("  and \(state.running.count - shown.count) more"))
    }
    return lines
  }

  private func overall(_ state: RunState, at now: Double) -> String {
    let elapsed = ticking(now - state.start)
    var facts = " \(state.done)/\(state.total)"
    if state.failed > 0 { facts += "  \(state.failed) failed" }
    facts += "  \(elapsed)"
    let width = min(30, columns - facts.count - 3)
    guard width >= 5 else { return cut(facts) }
    let filled = Int((state.fraction * Double(width)).rounded(.down))
    let bar = String(repeating: "█", count: filled)
    let rest = String(repeating: "░", count: width - filled)
    let colour = state.failed > 0 ? "31" : "32"
    return (usesColour ? "\u{1B}[\(colour)m\(bar)\u{1B}[0m" : bar) + rest
      + cut(facts, to: columns - 1 - width)
  }

  private func line(_ running: RunState.Running, name: String, width: Int, at now: Double) -> String {
    var text = "  " + padded(shortened(name, to: width), width)
    if !running.details.isEmpty { text += "  " + running.details }
    if let left = running.secondsLeft(at: now) {
      text += "  \(ticking(left.rounded(.up))) left"
    } else {
      text += "  " + ticking(now - running.since)
    }
    return cut(text)
  }

  /// A line that would wrap would spoil the next redrawing.
  private func cut(_ text: String) -> String { cut(text, to: columns - 1) }

  private func cut(_ text: String, to width: Int) -> String {
    text.count <= width ? text : String(text.prefix(max(0, width - 1))) + "…"
  }

  /// A name with its middle left out.
  private func shortened(_ name: String, to width: Int) -> String {
    guard name.count > width else { return name }
    let end = (width - 1) / 2
    return name.prefix(width - 1 - end) + "…" + name.suffix(end)
  }
}
