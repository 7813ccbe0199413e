// Owns the names that instances have on screen: their stage and what tells them from its other instances, or, where
// that is too long, from those that are shown with them.

import Workflow

/// Short names of a graph's instances. They are for reading; commands take the canonical ones.
public final class ShortNames {
  private let graph: Graph
  private lazy var members = Dictionary(grouping: graph.instances.indices) { graph.instances[$0].stage }
  private var names: [String: [Int: String]] = [:]

  public init(_ graph: Graph) { self.graph = graph }

  /// `stitched[standard, conv1, direct]`; `model` where there is but one.
  public subscript(instance: Int) -> String {
    let stage = graph.instances[instance].stage
    if let known = names[stage] { return known[instance]! }
    let made = shorten(stage)
    names[stage] = made
    return made[instance]!
  }

  /// Names of instances that are shown together, of at most `width` characters if that can be: first goes what they
  /// have in common, then the middles of long values. What tells them apart stays.
  public func names(of shown: [Int], width: Int) -> [String] {
    let full = shown.map { legible(self[$0]) }
    if full.allSatisfy({ $0.count <= width }) { return full }
    var names: [Int: String] = [:]
    for (stage, group) in Dictionary(grouping: Set(shown), by: { graph.instances[$0].stage }) {
      let all = axes(of: members[stage]!) ?? everyAxis(of: group)
      var chosen = axes(of: group) ?? all
      func fit(_ axes: [String], _ longest: Int = .max) -> Bool {
        group.allSatisfy { spelled($0, axes, longest: longest).count <= width }
      }
      // Others, as long as there is room for them.
      for axis in all where !chosen.contains(axis) {
        let more = all.filter { chosen.contains($0) || $0 == axis }
        if more.count == chosen.count + 1, fit(more) { chosen = more }
      }
      var longest = width
      while longest > 4, !fit(chosen, longest) { longest -= 1 }
      let short = group.map { spelled($0, chosen, longest: longest) }
      // Better cut off than mistaken for each other.
      let isClear = Set(short).count == group.count
      for (i, name) in zip(group, short) { names[i] = isClear ? name : spelled(i, chosen, longest: .max) }
    }
    return shown.map { names[$0]! }
  }

  /// The short names of one stage's instances: only axes that are needed to tell them apart.
  private func shorten(_ stage: String) -> [Int: String] {
    let siblings = members[stage]!
    if siblings.count == 1 { return [siblings[0]: stage] }
    guard let axes = axes(of: siblings) else {
      return Dictionary(uniqueKeysWithValues: siblings.map { ($0, graph.instances[$0].name) })
    }
    let short = siblings.map { ($0, spelled($0, axes, longest: .max)) }
    // Values without their axes may coincide: a=x is not b=x.
    guard Set(short.map(\.1)).count == short.count else {
      return Dictionary(uniqueKeysWithValues: siblings.map { ($0, graph.instances[$0].name) })
    }
    return Dictionary(uniqueKeysWithValues: short)
  }

  private func everyAxis(of instances: [Int]) -> [String] {
    var axes: [String] = []
    for i in instances {
      for label in graph.instances[i].labels where !axes.contains(label.axis) { axes.append(label.axis) }
    }
    return axes
  }

  /// The fewest axes that tell these instances of a stage apart, in their order; nil when all of them don't.
  private func axes(of instances: [Int]) -> [String]? {
    let labels = instances.map { i in
      Dictionary(graph.instances[i].labels.map { ($0.axis, $0.value) }) { first, _ in first }
    }
    var axes = everyAxis(of: instances)
    axes.removeAll { axis in labels.allSatisfy { $0[axis] == labels[0][axis] } }
    func isEnough(_ axes: [String]) -> Bool {
      Set(labels.map { values in axes.map { values[$0] ?? "" } }).count == instances.count
    }
    guard isEnough(axes) else { return nil }
    for axis in axes.reversed() {
      let fewer = axes.filter { $0 != axis }
      if isEnough(fewer) { axes = fewer }
    }
    return axes
  }

  /// A name with the values on these axes, none longer than `longest` characters.
  private func spelled(_ i: Int, _ axes: [String], longest: Int) -> String {
    let values = Dictionary(graph.instances[i].labels.map { ($0.axis, $0.value) }) { first, _ in first }
    let parts = axes.compactMap { part($0, values[$0]) }.map { shortened(legible($0), to: longest) }
    let stage = legible(graph.instances[i].stage)
    return parts.isEmpty ? stage : "\(stage)[\(parts.joined(separator: ", "))]"
  }

  /// A word speaks for itself; a number needs its axis.
  private func part(_ axis: String, _ value: String?) -> String? {
    guard let value else { return nil }
    let isWord = value.first?.isLetter == true && !["true", "false"].contains(value)
    return isWord ? value : "\(axis.split(separator: ".").last ?? "")=\(value)"
  }
}

/// A text with its middle left out, where it is longer than that.
func shortened(_ text: String, to width: Int) -> String {
  guard text.count > width else { return text }
  let end = (width - 1) / 2
  return text.prefix(width - 1 - end) + "…" + text.suffix(end)
}
