// Owns the text of `bobbin status`, of `bobbin run --dry-run` and of `bobbin explain` of many instances: one line for
// each cause, with how many instances it concerns; one for each instance where that is wanted.

import Canonical
import ContentStore
import Foundation
import Workflow

/// What is up to date and what isn't, and why. The last line counts.
public struct StatusText: Sendable {
  public let text: String

  /// - Parameters:
  ///   - shown: the instances to be told of; nil: all of the plan.
  ///   - onlyStale: whether to leave out what is up to date.
  ///   - verbose: whether each instance has a line, and reasons are whole.
  ///   - forecast: what a run will take.
  ///   - examples: whether each line that stands for several instances names one of them.
  public init(
    _ plan: Plan, graph: Graph, shown: Set<Int>? = nil, onlyStale: Bool = false, verbose: Bool = false,
    examples: Bool = false, forecast: ForecastText? = nil
  ) {
    let entries = plan.entries.filter { shown?.contains($0.instance) ?? true }
    let listed = entries.filter { !onlyStale || $0.state != .upToDate }
    var lines =
      verbose
      ? StatusText.all(listed) : StatusText.groups(listed, among: plan.entries, graph, examples: examples)
    if !onlyStale, let run = plan.lastRun, let line = StatusText.line(run) { lines.append(line) }
    lines += StatusText.atWork(plan, entries.map(\.instance), graph)
    lines += forecast?.lines ?? []
    lines.append(StatusText.counts(entries))
    text = lines.joined(separator: "\n") + "\n"
  }

  // One line an instance.

  private static func all(_ entries: [Plan.Entry]) -> [String] {
    // The widest name up to a limit, so that one monster doesn't push every reason off the screen.
    let names = entries.map { legible($0.name) }
    let width = names.map(\.count).filter { $0 <= 60 }.max() ?? 0
    return zip(entries, names).map { entry, name in
      let start = padded(entry.state.word, wordWidth) + "  "
      let why =
        entry.formerName.map { "known as \($0)" } ?? entry.acceptedFrom.map {
          "accepted from \($0.hex.prefix(12))"
        }
        ?? (entry.state == .missing ? nil : entry.state.reason)
      return start + (why.map { padded(name, width) + "  " + legible($0) } ?? name)
    }
  }

  // One line a cause.

  /// What instances have in common that stand on one line.
  private struct Cause: Hashable {
    var state: String
    var why: [String]
  }

  private static func groups(
    _ entries: [Plan.Entry], among all: Plan.Entries, _ graph: Graph, examples: Bool
  ) -> [String] {
    let exact = gathered(entries.map { [$0] }) { cause($0[0]) }
    // Where the same things changed in many ways, one of them stands for all.
    let ways = Dictionary(grouping: exact.compactMap { subjects($0[0], graph) }) { $0 }.mapValues(\.count)
    let groups = gathered(exact) { group -> Cause in
      if let cause = subjects(group[0], graph), ways[cause]! > mostWays { return cause }
      return cause(group[0])
    }
    let selections = Selections(graph)
    let states = Dictionary(all.map { ($0.instance, $0.state) }) { first, _ in first }
    // What has no line of its own is told of where somebody waits for it.
    let hidden = Set(states.keys).subtracting(entries.map(\.instance))
    return groups.flatMap { group -> [String] in
      var names = selections.names(group.map(\.instance)).map { legible($0) }
      let example = legible(group[0].name)
      if examples, !names.contains(example), !names.contains(where: { $0.contains(", such as ") }) {
        names.append("such as \(example)")
      }
      let why = why(group, selections, graph, states: states, hidden: hidden)
      return wrapped(
        padded(group[0].state.word, wordWidth) + "  ", names, why.map { ": " + cut(legible($0)) } ?? "")
    }
  }

  /// Joins groups of one cause, in the order in which they come.
  private static func gathered(_ groups: [[Plan.Entry]], by cause: ([Plan.Entry]) -> Cause) -> [[Plan.Entry]]
  {
    var order: [Cause] = []
    var found: [Cause: [Plan.Entry]] = [:]
    for group in groups {
      let cause = cause(group)
      if found[cause] == nil { order.append(cause) }
      found[cause, default: []] += group
    }
    return order.map { found[$0]! }
  }

  /// What changed in an instance's stage, without how; nil where that isn't its reason.
  private static func subjects(_ entry: Plan.Entry, _ graph: Graph) -> Cause? {
    guard case .stale(.changed(let changes)) = entry.state else { return nil }
    return Cause(state: "stale in \(graph.instances[entry.instance].stage)", why: changes.map(\.subject))
  }

  private static func cause(_ entry: Plan.Entry) -> Cause {
    let why: [String] =
      switch entry.state {
      case .upToDate:
        entry.formerName.map { [stage(of: $0)] } ?? (entry.acceptedFrom == nil ? [] : ["accepted", ""])
      case .pending(let cause): [stage(of: cause)]
      case .stale(.renamed(let name, let changes)):
        [stage(of: name)] + changes.flatMap(cause)
      case .stale(let reason) where !reason.changes.isEmpty: reason.changes.flatMap(cause)
      case .failed(let message): [firstLine(message)]
      case let state: [state.reason ?? ""]
      }
    return Cause(state: entry.state.name, why: why)
  }

  /// What a change has in common with others of its cause.
  private static func cause(_ change: Change) -> [String] {
    ["\(change.subject) \(change.what)"] + change.roots.flatMap(\.cause)
  }

  /// A change of one instance of many, or with a long way to where it begins: that by the stages on it.
  private static func common(_ change: Change) -> String {
    guard !change.roots.isEmpty else { return change.description }
    var seen = Set<Root>()
    let roots = change.roots.map { Root(path: $0.path.map(stage), changes: $0.changes) }
      .filter { seen.insert($0).inserted }
    let words = change.origin.split(separator: "'", maxSplits: 1).map(String.init)
    // `model 'model[seed=0]'`
    let origin = words.count == 2 ? "\(words[0])'\(stage(of: String(words[1].dropLast())))'" : change.origin
    return Change(change.subject, change.what, origin: origin, roots: roots).description
  }

  /// Why a group isn't up to date; nil where its state says it all.
  private static func why(
    _ group: [Plan.Entry], _ selections: Selections, _ graph: Graph, states: [Int: Plan.State],
    hidden: Set<Int>
  ) -> String? {
    switch group[0].state {
    case .upToDate:
      if let from = group[0].acceptedFrom, group[0].formerName == nil {
        return group.count == 1 ? "accepted from \(from.hex.prefix(12))" : "accepted from other code"
      }
      guard let former = group[0].formerName else { return nil }
      return "known as \(group.count == 1 ? former : stage(of: former))"
    case .missing: return nil
    case .interrupted: return "while computed, when a run was interrupted"
    case .failed(let message): return firstLine(message)
    case .impossible(let why): return why
    case .pending:
      let causes = causes(of: group.map(\.instance), graph, states)
      let names = selections.names(causes)
      let reason = causes.first { hidden.contains($0) }.flatMap { states[$0] }.map { state in
        " (\(state.word)" + (state.reason.map { ": \(firstLine($0))" } ?? "") + ")"
      }
      return (group.count == 1 ? "waits for " : "wait for ") + names.joined(separator: ", ") + (reason ?? "")
    case .stale(let reason):
      guard !reason.changes.isEmpty else { return reason.description }
      let texts = reason.changes.indices.map { n in
        let all = group.compactMap { entry -> String? in
          guard case .stale(let reason) = entry.state else { return nil }
          let whole = reason.changes[n].description
          return group.count == 1 && whole.count <= longestLine ? whole : common(reason.changes[n])
        }
        let others = Set(all).count - 1
        let change = cut(all[0], to: others == 0 ? longestReason : longestReason - 20)
        return others == 0 ? change : "\(change) and \(counted(others, "other"))"
      }
      var text = texts.prefix(3).joined(separator: "; ")
      if texts.count > 3 { text += "; and \(counted(texts.count - 3, "more change"))" }
      if case .renamed(let name, _) = reason {
        return "known as \(group.count == 1 ? name : stage(of: name)) before; \(text)"
      }
      return text
    }
  }

  /// What pending instances wait for and that waits for nothing itself, ascending.
  private static func causes(of pending: [Int], _ graph: Graph, _ states: [Int: Plan.State]) -> [Int] {
    var seen = Set(pending)
    var stack = pending
    var causes: [Int] = []
    while let i = stack.popLast() {
      for d in graph.dependencies[i] where seen.insert(d).inserted {
        switch states[d] {
        case .pending: stack.append(d)
        case nil, .upToDate: break
        default: causes.append(d)
        }
      }
    }
    return causes.sorted()
  }

  /// The stage of an instance that may not be in the graph.
  private static func stage(of name: String) -> String { String(name.prefix { $0 != "[" }) }

  private static func firstLine(_ text: String) -> String {
    text.split(separator: "\n").first.map(String.init) ?? text
  }

  private static let wordWidth = 11
  /// No reason on a line of many is longer, in characters; nor are lines of names.
  private static let longestReason = 240
  private static let longestLine = 100

  /// In how many ways the same things may have changed in a stage, each with a line.
  private static let mostWays = 3

  private static func cut(_ text: String, to length: Int = longestReason) -> String {
    text.count <= length ? text : text.prefix(length - 1) + "…"
  }

  /// Names behind a start, on as many lines as they take, and what follows.
  private static func wrapped(_ start: String, _ names: [String], _ end: String) -> [String] {
    var lines = [start]
    for (n, name) in names.enumerated() {
      let word = name + (n < names.count - 1 ? "," : end)
      let isFirst = lines[lines.count - 1].count <= wordWidth + 2
      if !isFirst, lines[lines.count - 1].count + 1 + name.count >= longestLine {
        lines.append(padded("", wordWidth + 2) + word)
      } else {
        lines[lines.count - 1] += (isFirst ? "" : " ") + word
      }
    }
    return lines
  }

  private static func line(_ run: RunEntry) -> String? {
    switch run.state {
    case .running: "a run is going on"
    case .unfinished: "the last run was killed; what it had finished is kept"
    case .ended(let outcome) where outcome.exitStatus == 130:
      "the last run was interrupted; what it had finished is kept"
    case .ended: nil
    }
  }

  /// What is being computed, a line for each process.
  private static func atWork(_ plan: Plan, _ instances: [Int], _ graph: Graph) -> [String] {
    let computed = Dictionary(grouping: instances.filter { plan.atWork[$0] != nil }) { plan.atWork[$0]! }
    let selections = Selections(graph)
    return computed.sorted { $0.key < $1.key }.flatMap { process, instances in
      wrapped("PID \(process) computes", selections.names(instances).map { legible($0) }, "")
    }
  }

  private static func counts(_ entries: [Plan.Entry]) -> String {
    let always = ["up to date", "stale", "pending", "missing"]
    let words = always + ["failed", "interrupted", "impossible"]
    let counts = words.map { word in (word, entries.count { $0.state.word == word }) }
    return counts.filter { $0.1 > 0 || always.contains($0.0) }.map { "\($0.1) \($0.0)" }
      .joined(separator: ", ")
  }
}

extension Plan.State {
  var word: String { self == .upToDate ? "up to date" : name }
}

/// The text with spaces up to a width in characters.
func padded(_ text: String, _ width: Int) -> String {
  text + String(repeating: " ", count: max(0, width - text.count))
}
