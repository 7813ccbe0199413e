// Owns the text of `bobbin diff`: what two runs did, what differs and why, one line for each cause, and scores side by
// side.

import ContentStore
import Foundation
import Workflow

/// Two runs side by side, for people.
public struct DiffText: Sendable {
  public let text: String

  /// - Parameter zone: where times are read.
  public init(_ comparison: RunComparison, graph: Graph, zone: TimeZone) {
    let names = NamesInRuns(graph)
    var lines = DiffText.side(comparison.from, names, zone) + DiffText.side(comparison.to, names, zone)
    func section(_ title: String, _ entries: [String]) {
      if !entries.isEmpty { lines += [title] + entries.map { "  " + $0 } }
    }
    section("what changed", DiffText.causes(comparison, names))
    section("what they gave", DiffText.outputs(comparison.instances, names))
    section("only in run \(comparison.from.run.id)", names.of(comparison.onlyFrom))
    section("only in run \(comparison.to.run.id)", names.of(comparison.onlyTo))
    section("scores", DiffText.scores(comparison))
    let differ = comparison.instances.count
    let total = differ + comparison.onlyFrom.count + comparison.onlyTo.count
    lines.append(
      total == 0
        ? "nothing differs: \(counted(comparison.same, "instance"))"
        : "\(differ) \(differ == 1 ? "differs" : "differ"), \(comparison.same) the same, "
          + "\(comparison.onlyFrom.count) only in run \(comparison.from.run.id), "
          + "\(comparison.onlyTo.count) only in run \(comparison.to.run.id)")
    text = lines.joined(separator: "\n") + "\n"
  }

  private static func side(_ side: RunComparison.Side, _ names: NamesInRuns, _ zone: TimeZone) -> [String] {
    let run = side.run
    var lines = ["run \(run.id)  \(localTime(run.start, zone))  \(run.ending)  \(legible(run.words))"]
    let groups = [("executed", side.executed), ("failed", side.failed), ("interrupted", side.interrupted)]
    for (word, instances) in groups where !instances.isEmpty {
      lines.append("  \(word) \(instances.count): " + names.of(instances).joined(separator: ", "))
    }
    if groups.allSatisfy(\.1.isEmpty) { lines.append("  executed nothing") }
    return lines
  }

  // What changed, and what follows from that.

  private struct Cause: Hashable {
    var stage: String
    var what: String
  }

  private static func causes(_ comparison: RunComparison, _ names: NamesInRuns) -> [String] {
    func why(_ instance: RunComparison.Instance) -> String {
      guard let changes = instance.changes else { return withoutRecord(instance, comparison) }
      if !changes.isEmpty { return changes.map(\.description).joined(separator: "; ") }
      return instance.reads.isEmpty ? standing(instance, comparison) : ""
    }
    var lines: [String] = []
    let own = comparison.instances.filter { !why($0).isEmpty }
    let exact = gathered(own.map { [$0] }) { Cause(stage: names.stage(of: $0[0].name), what: why($0[0])) }
    // Where the same things changed in many ways, one of them stands for all.
    func subjects(_ group: [RunComparison.Instance]) -> Cause? {
      guard let changes = group[0].changes, !changes.isEmpty else { return nil }
      return Cause(
        stage: names.stage(of: group[0].name), what: changes.map(\.subject).joined(separator: "\u{0}"))
    }
    let ways = Dictionary(grouping: exact.compactMap(subjects)) { $0 }.mapValues(\.count)
    let groups = gathered(exact) { group in
      if let cause = subjects(group), ways[cause]! > mostWays { return cause }
      return Cause(stage: names.stage(of: group[0].name), what: why(group[0]))
    }
    for group in groups {
      let others = Set(group.map(why)).count - 1
      lines.append(
        names.of(group.map(\.name)).joined(separator: ", ") + ": " + cut(legible(why(group[0])))
          + (others > 0 ? " and \(counted(others, "other"))" : ""))
    }
    let followers = gathered(comparison.instances.filter { why($0).isEmpty }.map { [$0] }) {
      Cause(
        stage: names.stage(of: $0[0].name),
        what: Set($0[0].causes.map(names.stage)).sorted().joined(separator: "\u{0}"))
    }
    for group in followers {
      var seen = Set<String>()
      let causes = group.flatMap(\.causes).filter { seen.insert($0).inserted }
      lines.append(
        names.of(group.map(\.name)).joined(separator: ", ") + ": what they read follows from "
          + names.of(causes).joined(separator: ", "))
    }
    return lines
  }

  /// Why it isn't known what changed.
  private static func withoutRecord(
    _ instance: RunComparison.Instance, _ comparison: RunComparison
  ) -> String {
    let runs = [(instance.before, comparison.from.run.id), (instance.after, comparison.to.run.id)]
    for (note, run) in runs where !note.state.hasResult {
      let cause = note.message.flatMap { $0.split(separator: "\n").first.map(String.init) }
      return "\(note.state.word) as of run \(run)" + (cause.map { ": \($0)" } ?? "")
    }
    return "a record of it is no longer in the store, so what changed isn't known"
  }

  /// What to say of one with the same action.
  private static func standing(_ instance: RunComparison.Instance, _ comparison: RunComparison) -> String {
    "\(instance.before.state.word) as of run \(comparison.from.run.id), "
      + "\(instance.after.state.word) as of run \(comparison.to.run.id)"
  }

  private static func gathered(
    _ groups: [[RunComparison.Instance]], by cause: ([RunComparison.Instance]) -> Cause
  ) -> [[RunComparison.Instance]] {
    var order: [Cause] = []
    var found: [Cause: [RunComparison.Instance]] = [:]
    for group in groups {
      let cause = cause(group)
      if found[cause] == nil { order.append(cause) }
      found[cause, default: []] += group
    }
    return order.map { found[$0]! }
  }

  // What came of it.

  private static func outputs(_ instances: [RunComparison.Instance], _ names: NamesInRuns) -> [String] {
    let compared = instances.filter { $0.differing != nil }
    let (same, other) = (
      compared.filter { $0.differing!.isEmpty }.map(\.name),
      compared.filter { !$0.differing!.isEmpty }.map(\.name)
    )
    return [("other bytes", other), ("the same bytes", same)].compactMap { what, instances in
      instances.isEmpty ? nil : "\(what): " + names.of(instances).joined(separator: ", ")
    }
  }

  private static func scores(_ comparison: RunComparison) -> [String] {
    guard !comparison.scores.isEmpty else { return [] }
    var rows = [["", "", "run \(comparison.from.run.id)", "run \(comparison.to.run.id)", "difference"]]
    for score in comparison.scores.prefix(mostScores) {
      let difference = score.before.flatMap { before in score.after.map { $0 - before } }
      rows.append([
        legible(score.instance), legible(score.name), spelled(score.before), spelled(score.after),
        difference.map { ($0 > 0 ? "+" : "") + spelled($0) } ?? "",
      ])
    }
    let widths = rows[0].indices.map { column in rows.map { $0[column].count }.max()! }
    var lines = rows.map { row in
      padded(row[0], widths[0]) + "  " + padded(row[1], widths[1])
        + (2...4).map { "  " + String(repeating: " ", count: widths[$0] - row[$0].count) + row[$0] }.joined()
    }
    if comparison.scores.count > mostScores {
      lines.append("and \(comparison.scores.count - mostScores) more; --json has all")
    }
    return lines
  }

  /// At most five digits that say something.
  private static func spelled(_ value: Double?) -> String {
    value.map { String(format: "%.5g", $0) } ?? "none"
  }

  private static func cut(_ text: String) -> String {
    text.count <= longest ? text : text.prefix(longest - 1) + "…"
  }

  private static let longest = 160
  private static let mostWays = 3
  private static let mostScores = 40
}

extension InstanceState {
  fileprivate var word: String {
    switch self {
    case .cached, .executed: "done"
    case .failed: "failed"
    case .skipped: "not started"
    case .interrupted: "interrupted"
    case .gone: "gone"
    }
  }
}

/// Names of many instances at once, of which the graph may have some no more.
private struct NamesInRuns {
  private let graph: Graph
  private let selections: Selections

  init(_ graph: Graph) {
    self.graph = graph
    selections = Selections(graph)
  }

  func stage(of name: String) -> String {
    graph.index(of: name).map { graph.instances[$0].stage } ?? String(name.prefix { $0 != "[" })
  }

  func of(_ names: [String]) -> [String] {
    var gone: [String: [String]] = [:]
    var order: [String] = []
    for name in names where graph.index(of: name) == nil {
      let stage = stage(of: name)
      if gone[stage] == nil { order.append(stage) }
      gone[stage, default: []].append(name)
    }
    let rest = order.map { stage in
      let members = gone[stage]!
      return members.count == 1 ? members[0] : "\(stage) (\(members.count), such as \(members[0]))"
    }
    return (selections.names(names.compactMap { graph.index(of: $0) }) + rest).map { legible($0) }
  }
}
