// Owns naming many instances at once: each stage with the selection that means them, `stitched[method=fula] (12)`, as
// commands take it, and how many they are.

import Workflow

/// Names of sets of a graph's instances.
public struct Selections {
  private let graph: Graph
  private let siblings: [String: [Int]]
  /// No selection is longer, in characters.
  private static let longest = 90

  public init(_ graph: Graph) {
    self.graph = graph
    siblings = Dictionary(grouping: graph.instances.indices) { graph.instances[$0].stage }
  }

  /// One name for each stage that has some of these instances, in the order in which they come.
  public func names(_ instances: [Int]) -> [String] {
    var stages: [String] = []
    var members: [String: [Int]] = [:]
    for i in instances {
      let stage = graph.instances[i].stage
      if members[stage] == nil { stages.append(stage) }
      members[stage, default: []].append(i)
    }
    return stages.map { name($0, members[$0]!) }
  }

  private func name(_ stage: String, _ members: [Int]) -> String {
    if members.count == 1 { return graph.instances[members[0]].name }
    let all = siblings[stage]!
    if members.count == all.count { return "\(stage) (\(all.count))" }
    if let selection = selection(stage, members, among: all), selection.count <= Selections.longest {
      return "\(selection) (\(members.count))"
    }
    return "\(stage) (\(members.count) of \(all.count), such as \(graph.instances[members[0]].name))"
  }

  /// The selection that means just these: on each axis the values that they have.
  private func selection(_ stage: String, _ members: [Int], among all: [Int]) -> String? {
    func values(_ instances: [Int]) -> [String: [String]] {
      var found: [String: [String]] = [:]
      var seen: [String: Set<String>] = [:]
      for label in instances.lazy.flatMap({ graph.instances[$0].labels })
      where seen[label.axis, default: []].insert(label.value).inserted {
        found[label.axis, default: []].append(label.value)
      }
      return found
    }
    let (mine, everybodys) = (values(members), values(all))
    let restricted = mine.filter { $0.value.count < everybodys[$0.key]!.count }
    let allowed = restricted.mapValues(Set.init)
    let meant = all.count { i in
      graph.instances[i].labels.allSatisfy { allowed[$0.axis]?.contains($0.value) ?? true }
    }
    guard meant == members.count else { return nil }
    var axes: [String] = []
    for label in graph.instances[members[0]].labels
    where restricted[label.axis] != nil && !axes.contains(label.axis) { axes.append(label.axis) }
    let parts = axes.map { axis in
      "\(axis)=" + restricted[axis]!.map(Selections.spelled).joined(separator: "|")
    }
    return "\(stage)[\(parts.joined(separator: ","))]"
  }

  /// A value as a selection takes it.
  private static func spelled(_ value: String) -> String {
    let isBare =
      !value.isEmpty
      && value.unicodeScalars.allSatisfy {
        $0.properties.isAlphabetic || ("0"..."9").contains($0) || "_-./+".unicodeScalars.contains($0)
      }
    return isBare ? value : "'" + value.replacing("'", with: "''") + "'"
  }
}
