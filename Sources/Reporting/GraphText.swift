// Owns a graph's two text forms: DOT (Graphviz) to look at, JSON for programs.

import Canonical
import ContentStore
import Foundation
import Workflow

/// A graph as text.
public struct GraphText {
  private let graph: Graph

  public init(_ graph: Graph) { self.graph = graph }

  /// More instances than this are drawn as one node a stage.
  public static let mostDrawn = 120

  /// The DAG in DOT, one box a stage. A graph of many instances becomes one of stages, with counts.
  public var dot: String {
    var lines = [
      "digraph pipeline {", "  rankdir=LR;", "  node [shape=box, style=rounded, fontname=\"sans-serif\"];",
      "  graph [fontname=\"sans-serif\", style=\"rounded\", color=gray];",
    ]
    lines += graph.instances.count <= GraphText.mostDrawn ? instanceLines : stageLines
    return lines.joined(separator: "\n") + "\n}\n"
  }

  private var stages: [(name: String, members: [Int])] {
    var order: [String] = []
    let members = Dictionary(grouping: graph.instances.indices) { graph.instances[$0].stage }
    for instance in graph.instances where order.last != instance.stage {
      if !order.contains(instance.stage) { order.append(instance.stage) }
    }
    return order.map { ($0, members[$0]!) }
  }

  private var instanceLines: [String] {
    let names = ShortNames(graph)
    var lines: [String] = []
    for (s, stage) in stages.enumerated() {
      let nodes = stage.members.map { i -> String in
        let instance = graph.instances[i]
        let label =
          stage.members.count == 1 ? "\(stage.name)\n\(instance.kind.name)" : inside(names[i], stage.name)
        return "n\(i) [label=\(quoted(label)), tooltip=\(quoted(instance.name))];"
      }
      if nodes.count == 1 {
        lines.append("  " + nodes[0])
      } else {
        let kind = graph.instances[stage.members[0]].kind.name
        lines.append("  subgraph cluster_\(s) {")
        lines.append("    label=\(quoted("\(stage.name) (\(kind))"));")
        lines += nodes.map { "    " + $0 }
        lines.append("  }")
      }
    }
    for i in graph.instances.indices {
      lines += graph.dependencies[i].map { "  n\($0) -> n\(i);" }
    }
    return lines
  }

  private var stageLines: [String] {
    let stages = stages
    let numbers = Dictionary(uniqueKeysWithValues: stages.enumerated().map { ($1.name, $0) })
    var lines = stages.enumerated().map { s, stage in
      let kind = graph.instances[stage.members[0]].kind.name
      let count = stage.members.count == 1 ? "" : " × \(stage.members.count)"
      return "  s\(s) [label=\(quoted("\(stage.name)\(count)\n\(kind)"))];"
    }
    for (s, stage) in stages.enumerated() {
      let sources = Set(stage.members.flatMap { graph.dependencies[$0] }.map { graph.instances[$0].stage })
      lines += sources.compactMap { numbers[$0] }.sorted().map { "  s\($0) -> s\(s);" }
    }
    return lines
  }

  /// What stands in the brackets of a short name.
  private func inside(_ name: String, _ stage: String) -> String {
    guard name.hasPrefix(stage + "["), name.hasSuffix("]") else { return name }
    return String(name.dropFirst(stage.count + 1).dropLast())
  }

  /// The graph as JSON: every instance with its stage, kind, axes, parameters, what it reads and what it makes.
  public var json: JSON {
    let instances = graph.instances.map { instance -> JSON in
      let inputs = instance.inputs.map { binding in
        let sources = binding.sources.map { source -> JSON in
          [
            "instance": .string(graph.instances[source.instance].name), "output": .string(source.output),
          ]
        }
        return (binding.name, JSON.array(sources))
      }
      let externals = instance.externals.map { ($0.name, JSON.string($0.url.path)) }
      return [
        "name": .string(instance.name), "stage": .string(instance.stage), "kind": .string(instance.kind.name),
        "labels": .array(instance.labels.map { [.string($0.axis), .string($0.value)] }),
        "parameters": instance.parameters, "inputs": .object(Dictionary(inputs) { first, _ in first }),
        "files": .object(Dictionary(externals) { first, _ in first }),
        "outputs": .array(
          instance.outputs.map { ["name": .string($0.name), "type": .string($0.type.name)] }),
      ]
    }
    return ["file": .string(graph.file), "instances": .array(instances)]
  }
}

/// A DOT string. In it `\` escapes too, so both it and quotes need one; a line break is `\n`.
private func quoted(_ text: String) -> String {
  let escaped = text.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"").replacing("\n", with: "\\n")
  return "\"\(escaped)\""
}
