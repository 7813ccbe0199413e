// Owns the names that instances have on screen: their stage and what tells them from its other instances.

import Workflow

/// Short names of a graph's instances. They are for reading; commands take the canonical ones.
public final class ShortNames {
  private let graph: Graph
  private let members: [String: [Int]]
  private var names: [String: [Int: String]] = [:]

  public init(_ graph: Graph) {
    self.graph = graph
    members = Dictionary(grouping: graph.instances.indices) { graph.instances[$0].stage }
  }

  /// `stitched[standard, conv1, direct]`; `model` where there is but one.
  public subscript(instance: Int) -> String {
    let stage = graph.instances[instance].stage
    if let known = names[stage] { return known[instance]! }
    let made = shorten(stage)
    names[stage] = made
    return made[instance]!
  }

  /// The short names of one stage's instances: only axes that are needed to tell them apart.
  private func shorten(_ stage: String) -> [Int: String] {
    let siblings = members[stage]!
    if siblings.count == 1 { return [siblings[0]: stage] }
    let labels = siblings.map { i in
      Dictionary(graph.instances[i].labels.map { ($0.axis, $0.value) }) { first, _ in first }
    }
    var axes: [String] = []
    for i in siblings {
      for label in graph.instances[i].labels where !axes.contains(label.axis) { axes.append(label.axis) }
    }
    axes.removeAll { axis in labels.allSatisfy { $0[axis] == labels[0][axis] } }
    func isEnough(_ axes: [String]) -> Bool {
      Set(labels.map { values in axes.map { values[$0] ?? "" } }).count == siblings.count
    }
    guard isEnough(axes) else {
      return Dictionary(uniqueKeysWithValues: siblings.map { ($0, graph.instances[$0].name) })
    }
    for axis in axes.reversed() {
      let fewer = axes.filter { $0 != axis }
      if isEnough(fewer) { axes = fewer }
    }
    let short = zip(siblings, labels).map { i, values in
      (i, "\(stage)[\(axes.compactMap { part($0, values[$0]) }.joined(separator: ", "))]")
    }
    // Values without their axes may coincide: a=x is not b=x.
    guard Set(short.map(\.1)).count == short.count else {
      return Dictionary(uniqueKeysWithValues: siblings.map { ($0, graph.instances[$0].name) })
    }
    return Dictionary(uniqueKeysWithValues: short)
  }

  /// A word speaks for itself; a number needs its axis.
  private func part(_ axis: String, _ value: String?) -> String? {
    guard let value else { return nil }
    let isWord = value.first?.isLetter == true && !["true", "false"].contains(value)
    return isWord ? value : "\(axis.split(separator: ".").last ?? "")=\(value)"
  }
}
