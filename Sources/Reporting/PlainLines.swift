// Owns what is said of a run where there is no terminal: a line when something has happened, or hasn't for long.

import Workflow

/// Lines about a run, each complete. Names are canonical, so that they can be pasted into commands.
struct PlainLines {
  /// After so many seconds a running instance is worth a line, and then again after ten times as many.
  static let long = 30.0

  let graph: Graph
  /// The file that holds an instance's output; nil where it isn't kept.
  let log: (String) -> String?

  func lines(_ event: RunEvent) -> [String] {
    switch event {
    case .planned(let total, let cached):
      cached == total ? [] : ["\(counted(total, "instance")), \(cached) up to date"]
    case .toDo, .started, .progress, .elsewhere(_, nil): []
    case .elsewhere(let instance, let process?):
      [legible("waiting for PID \(process): \(graph.instances[instance].name)")]
    case .retrying(let instance, let failure, let attempt, let of, let pause):
      retrying(instance, failure, attempt, of, pause)
    case .finished(let report): finished(report)
    case .warning(let text): warning(text)
    case .uploading(let count): ["uploading \(count) \(count == 1 ? "result" : "results")"]
    }
  }

  func finished(_ report: InstanceReport) -> [String] {
    switch report.state {
    case .executed:
      return [
        legible(
          report.sharedWith.map { "done     \(report.name), the same as \($0)" }
            ?? "done     \(report.name) in \(humanSeconds(report.seconds))")
      ]
    case .cached: return [legible("cached   \(report.name)")]
    case .failed: return failed(report)
    case .skipped: return []
    }
  }

  /// Why an instance is tried again, and when.
  func retrying(_ i: Int, _ failure: Failure, _ attempt: Int, _ of: Int, _ pause: Double) -> [String] {
    let why = failure.message.split(separator: "\n").first.map(String.init) ?? failure.cause.name
    let when = pause > 0 ? " in \(humanSeconds(pause))" : ""
    return [legible("retry    \(graph.instances[i].name)\(when), attempt \(attempt) of \(of): \(why)")]
  }

  /// Why an instance failed, and where its log is.
  func failed(_ report: InstanceReport) -> [String] {
    let message = report.message ?? "no reason was given"
    var lines = ["FAILED   \(legible(report.name)): \(message)"]
    if let log = log(report.name), !message.contains(log) { lines.append("log: \(log)") }
    return separate(lines).enumerated().map { $0 == 0 ? $1 : "         \($1)" }
  }

  func warning(_ text: String) -> [String] { separate(["warning: \(text)"]) }

  /// The single lines of texts, as a terminal may show them.
  private func separate(_ texts: [String]) -> [String] {
    texts.flatMap { $0.split(separator: "\n", omittingEmptySubsequences: false) }.map { legible(String($0)) }
  }

  /// Lines for what has been running for long, and marks it as mentioned.
  func overdue(_ state: inout RunState, at now: Double) -> [String] {
    var lines: [String] = []
    for i in state.transfers.indices {
      let transfer = state.transfers[i]
      guard let line = transfer.line(at: now), now - transfer.mentioned >= PlainLines.long else { continue }
      state.transfers[i].mentioned = now
      lines.append(line)
    }
    for i in state.running.indices {
      let running = state.running[i]
      let isFirst = running.mentioned == running.since
      guard now - running.mentioned >= (isFirst ? PlainLines.long : 10 * PlainLines.long) else { continue }
      state.running[i].mentioned = now
      let facts = [
        "running  \(graph.instances[running.instance].name) for \(humanSeconds(now - running.since))",
        running.details.isEmpty ? nil : running.details,
        running.secondsLeft(at: now).map { "\(humanSeconds($0)) left" },
      ]
      lines.append(legible(facts.compactMap { $0 }.joined(separator: "  ")))
    }
    return lines
  }
}
