// Owns the text of `bobbin explain` of one instance: why it is as it is, what that was compared with, and its key,
// component by component.

import Canonical
import ContentStore
import Foundation
import Workflow

/// All that is to be said of an instance.
public struct ExplainText: Sendable {
  public let text: String

  /// - Parameter verbose: whether every source and every member of a list has a line.
  public init(_ explanation: Explanation, verbose: Bool = false) {
    var lines = ExplainText.head(explanation)
    lines.append("")
    lines.append(explanation.key.map { "key \($0.hex)" } ?? "its key isn't known yet; it is made of")
    let marked = explanation.components.contains { !$0.changes.isEmpty }
    for part in Component.Part.allCases {
      let components = explanation.components.filter { $0.part == part }
      lines += ExplainText.lines(part, components, verbose: verbose)
    }
    if marked { lines.append("* differs") }
    text = lines.map { ExplainText.trimmed(legible($0)) + "\n" }.joined()
  }

  private static func trimmed(_ line: String) -> String {
    String(line.reversed().drop { $0 == " " }.reversed())
  }

  // Why.

  private static func head(_ explanation: Explanation) -> [String] {
    let name = explanation.name
    let own = explanation.changes.map { "  \($0)" }
    switch explanation.state {
    case .upToDate:
      return ["\(name) is up to date" + made(explanation.made)] + explanation.accepted.map(accepted)
        + before(explanation, own)
    case .stale(.renamed(let former, _)):
      return ["\(name) is stale. It is like \(former), which the file hasn't any more, but for"] + own
    case .stale(let reason) where !reason.changes.isEmpty:
      return ["\(name) is stale"] + reason.changes.map { "  \($0)" }
        + [explanation.earlier.map { "compared with \(named($0))" } ?? ""].filter { !$0.isEmpty }
    case .missing:
      guard let earlier = explanation.earlier else {
        return ["\(name) has never run, nor has any of its stage"]
      }
      return ["\(name) has never run. From \(named(earlier)) it differs by"] + own
    case .pending:
      return ["\(name) is pending: what it reads isn't known before these have run"]
        + waits(explanation.waits) + (own.isEmpty ? [] : ["besides, it differs itself"] + own)
    case let state:
      let reason = (state.reason ?? "").split(separator: "\n").map(String.init)
      return ["\(name) \(verb(state)): \(reason.first ?? "")"] + reason.dropFirst().map { "  \($0)" }
        + (own.isEmpty ? [] : ["since its last result, of \(explanation.earlier?.time ?? "some time")"] + own)
    }
  }

  private static func verb(_ state: Plan.State) -> String {
    switch state {
    case .failed: "failed"
    case .impossible: "can't run"
    default: "is \(state.word)"
    }
  }

  /// What an up-to-date instance had before, and how that differed.
  private static func before(_ explanation: Explanation, _ own: [String]) -> [String] {
    guard let earlier = explanation.earlier, !own.isEmpty else { return [] }
    return ["it differs from \(named(earlier)) by"] + own
  }

  /// `: made 2026-11-21T14:03:22Z in 3.2s on mybox (avx2, oneDNN 2.6.3)`
  private static func made(_ facts: JSON?) -> String {
    guard let facts, let time = facts["time"]?.stringValue else { return "" }
    var text = ": made \(time)"
    if let seconds = facts["seconds"]?.doubleValue { text += " in \(humanSeconds(seconds))" }
    if let host = facts["host"]?.stringValue { text += " on \(host)" }
    if let platform = Platform(facts: facts), !"\(platform)".isEmpty { text += " (\(platform))" }
    return text
  }

  /// `accepted from key 1a2b3c4d5e6f at 2026-11-21T14:03:22Z, since 2 instances gave the same bits: source A.swift changed`
  private static func accepted(_ acceptance: Acceptance) -> String {
    "accepted from key \(acceptance.from.hex.prefix(12))" + (acceptance.time.map { " at \($0)" } ?? "")
      + ", since \(counted(acceptance.instances.count, "instance")) gave the same bits: "
      + acceptance.changes.joined(separator: "; ")
  }

  private static func named(_ earlier: Explanation.Earlier) -> String {
    "the result of \(earlier.name)" + (earlier.time.map { " of \($0)" } ?? "")
      + " (key \(earlier.key.hex.prefix(12)))"
  }

  /// One line for those that are reached by the same stages and stand alike.
  private static func waits(_ waits: [Plan.Wait]) -> [String] {
    var order: [[String]] = []
    var groups: [[String]: [Plan.Wait]] = [:]
    for wait in waits {
      let way = wait.path.map { String($0.prefix { $0 != "[" }) } + [wait.state.reason ?? wait.state.name]
      if groups[way] == nil { order.append(way) }
      groups[way, default: []].append(wait)
    }
    return order.map { way in
      let group = groups[way]!
      let first = group[0].path.joined(separator: " ← ")
      let others = group.count == 1 ? "" : " and \(counted(group.count - 1, "other")) alike"
      let reason = group[0].state.reason.map {
        ": " + ($0.split(separator: "\n").first.map(String.init) ?? $0)
      }
      return "  \(first)\(others), \(group[0].state.word)\(reason ?? "")"
    }
  }

  // The key.

  private static func lines(_ part: Component.Part, _ components: [Component], verbose: Bool) -> [String] {
    guard let first = components.first else { return [] }
    // A part that is one thing has one line.
    if first.name.isEmpty {
      return [line(title(part), first, indent: 2, width: titleWidth)]
        + (part == .code ? sources(first, verbose) : [])
    }
    let width = min(32, components.map(\.name.count).max() ?? 0)
    return ["  \(title(part))"]
      + components.flatMap { component -> [String] in
        [line(component.name, component, indent: 4, width: width)] + members(component, verbose)
      }
  }

  private static let titleWidth = 14

  private static func title(_ part: Component.Part) -> String {
    switch part {
    case .version: "format version"
    case .commands: "command rules"
    case .observed: "undeclared"
    default: part.rawValue
    }
  }

  private static func line(_ name: String, _ component: Component, indent: Int, width: Int) -> String {
    let mark = component.changes.isEmpty ? "  " : "* "
    var text = mark + String(repeating: " ", count: indent - 2) + padded(name, width) + "  "
    text += component.text ?? "(no more)"
    // What reads one thing has that on its line.
    if component.part == .inputs, component.value?.arrayValue == nil, let content = component.members.first {
      text += "  \(content.digest.prefix(12))"
    }
    return text
  }

  /// No more members of a list, or sources, are listed unasked.
  private static let mostMembers = 12

  private static func members(_ component: Component, _ verbose: Bool) -> [String] {
    component.value?.arrayValue == nil ? [] : listed(component.members, verbose)
  }

  private static func sources(_ code: Component, _ verbose: Bool) -> [String] {
    if verbose || code.members.count <= mostMembers { return listed(code.members, true) }
    let folders = Dictionary(grouping: code.members) {
      $0.name.contains("/") ? String($0.name.prefix { $0 != "/" }) : ""
    }
    var counts = folders.filter { !$0.key.isEmpty }.sorted { $0.key < $1.key }
      .map { folder, sources in "\(sources.count) of \(folder)" }
    if let others = folders[""] { counts.append(counted(others.count, "other")) }
    return ["      " + counts.joined(separator: ", ")] + listed(code.members.filter(\.isOther), false)
  }

  private static func listed(_ members: [Component.Member], _ verbose: Bool) -> [String] {
    let shown = verbose || members.count <= mostMembers ? members[...] : members.prefix(mostMembers - 1)
    let width = min(60, shown.map(\.name.count).max() ?? 0)
    let more = members.count - shown.count
    return shown.map { member in
      (member.isOther ? "* " : "  ") + "    " + padded(member.name, width) + "  \(member.digest.prefix(12))"
    } + (more > 0 ? ["      and \(more) more (--verbose)"] : [])
  }
}
