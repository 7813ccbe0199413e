// Owns `bobbin show`.

import Canonical
import ArgumentParser
import ContentStore
import Foundation
import Reporting
import Workflow

struct ShowCommand: ProgramCommand {
  static let configuration = CommandConfiguration(
    commandName: "show",
    abstract: "Prints the record of an instance as JSON: its action, artifacts, facts, lineage.",
    discussion: """
      Where what it read was computed by several platforms, `platforms` says which by which.

      With --lineage, a tree of what it came from instead, down to the files outside with their digests. With \
      --used-by, what is made from it in this file, and what else in the store was made from it: in other files, in \
      earlier runs. Many instances of a stage stand on one line; what stood further up isn't unfolded again.

      Examples:
        bobbin show pipelines/quickstart.yaml 'model[regime=standard]'
        bobbin show pipelines/quickstart.yaml table --lineage
        bobbin show pipelines/quickstart.yaml images --used-by --json
      """)

  @OptionGroup var options: PipelineOptions
  @Argument(help: "The instance, such as 'model[seed=1]'.") var instance: String
  @Flag(help: "Print what it came from, to the roots, as a tree.") var lineage = false
  @Flag(help: "Print what was made from it, to the leaves, here and elsewhere.") var usedBy = false
  @Flag(help: "Of --lineage and --used-by, print one JSON object with every instance.") var json = false

  func validate() throws {
    if lineage, usedBy { throw ValidationError("--lineage and --used-by are two questions; ask one") }
  }

  func run(in program: Program) throws {
    let opened = try options.open(in: program)
    opened.warnOfAbsence()
    let index = try opened.one(instance).instance
    let graph = opened.graph
    let direction = usedBy ? Lineage.Direction.leaves : .roots
    let tree = Lineage(of: index, direction, in: graph)
    let plan = try opened.plan([index] + tree.all, in: program)
    let entries = Dictionary(uniqueKeysWithValues: plan.entries.map { ($0.instance, $0) })
    guard let key = entries[index]?.key, let record = try opened.store.record(for: key) else {
      throw CommandFailure(
        "\(graph.instances[index].name) isn't up to date; `bobbin status \(options.asTyped)` says why")
    }
    if lineage || usedBy {
      let ancestry = ShownLineage(tree, direction, root: key, entries: entries, opened: opened)
      return try StandardOutput.write(json ? ancestry.json().indented + "\n" : ancestry.text())
    }
    try show(record, of: index, tree.all, entries, opened)
  }

  private func show(
    _ record: Record, of index: Int, _ ancestors: [Int], _ entries: [Int: Plan.Entry], _ opened: OpenPipeline
  ) throws {
    let graph = opened.graph
    var lineage: [String: JSON] = [:]
    for i in ancestors { lineage[graph.instances[i].name] = entries[i]?.key.map { .string($0.hex) } ?? .null }
    var shown: [String: JSON] = [
      "instance": .string(graph.instances[index].name), "record": try JSON(parsing: record.text),
      "lineage": .object(lineage),
    ]
    var platforms: [String: [Int]] = [:]
    for i in graph.dependencies[index] {
      guard let key = entries[i]?.key, let facts = try opened.store.record(for: key)?.facts,
        let platform = Platform(facts: facts)
      else { continue }
      platforms["\(platform)", default: []].append(i)
    }
    if platforms.count > 1 {
      shown["platforms"] = .object(
        platforms.mapValues { .array($0.map { .string(graph.instances[$0].name) }) })
      StandardError.write("it was made of results of \(platforms.count) platforms: see \"platforms\"\n")
    }
    try StandardOutput.write(JSON.object(shown).indented + "\n")
  }
}

/// What an instance came from, or what is made from it, with what the store says of each.
private struct ShownLineage {
  private let tree: Lineage
  private let direction: Lineage.Direction
  private let root: Digest
  private let entries: [Int: Plan.Entry]
  private let opened: OpenPipeline

  init(
    _ tree: Lineage, _ direction: Lineage.Direction, root: Digest, entries: [Int: Plan.Entry],
    opened: OpenPipeline
  ) {
    self.tree = tree
    self.direction = direction
    self.root = root
    self.entries = entries
    self.opened = opened
  }

  private var graph: Graph { opened.graph }

  /// The record of an instance that is up to date. What can't be read is told without it.
  private func record(_ i: Int) -> Record? {
    guard let entry = entries[i], entry.artifacts != nil, let key = entry.key else { return nil }
    return try? opened.store.record(for: key)
  }

  private func files(_ i: Int) -> [ReadFile] {
    record(i).map { ReadFile.of(graph.instances[i], $0, project: graph.project) } ?? []
  }

  /// The instances of this file whose results are up to date.
  private var known: Set<String> {
    Set(tree.all.filter { entries[$0]?.artifacts != nil }.map { graph.instances[$0].name })
  }

  func text() throws -> String {
    let facts = { (i: Int) -> String in
      let kind = graph.instances[i].kind.name
      guard let record = record(i) else { return "\(kind)  \(entries[i]?.state.name ?? "")" }
      let seconds = record.facts["seconds"]?.doubleValue.map { ", " + humanSeconds($0) } ?? ""
      return "\(kind)  \(record.key.hex.prefix(12))  \(record.facts["time"]?.stringValue ?? "")\(seconds)"
    }
    guard direction == .leaves else {
      return LineageText(tree, graph: graph, state: facts, files: files).text
    }
    let others = try Consumers(of: root, store: opened.store)
    return LineageText(tree, graph: graph, state: facts).text
      + ElsewhereText(others, besides: known, project: graph.project, file: graph.file).text
  }

  func json() throws -> JSON {
    let name = graph.instances[tree.root.instances[0]].name
    let instances = (tree.root.instances + tree.all).map { i -> JSON in
      let instance = graph.instances[i]
      let record = record(i)
      return [
        "name": .string(instance.name), "stage": .string(instance.stage), "kind": .string(instance.kind.name),
        "state": .string(entries[i]?.state.name ?? ""),
        "key": entries[i]?.key.map { .string($0.hex) } ?? .null,
        "time": record?.facts["time"] ?? .null, "seconds": record?.facts["seconds"] ?? .null,
        "artifacts": .object((entries[i]?.artifacts ?? [:]).mapValues(\.json)),
        "reads": .array(graph.dependencies[i].map { .string(graph.instances[$0].name) }),
        "files": .array(
          (direction == .roots ? files(i) : []).map {
            ["input": .string($0.input), "path": .string($0.path), "artifact": $0.artifact.json]
          }),
      ]
    }
    var members: [String: JSON] = ["instance": .string(name), "instances": .array(instances)]
    if direction == .leaves {
      let consumers = try Consumers(of: root, store: opened.store)
      let known = known
      members["elsewhere"] = .array(
        consumers.keys.sorted().compactMap { key in
          let owners = (consumers.owners[key] ?? []).filter {
            !($0.project == graph.project && $0.file == graph.file && $0.isNewest
              && known.contains($0.instance))
          }
          if owners.isEmpty, consumers.owners[key] != nil { return nil }
          let sorted = owners.sorted {
            ($0.project, $0.file, $0.instance) < ($1.project, $1.file, $1.instance)
          }
          return [
            "key": .string(key.hex),
            "instances": .array(
              sorted.map {
                [
                  "project": .string($0.project), "file": .string($0.file), "instance": .string($0.instance),
                  "newest": .bool($0.isNewest),
                ]
              }),
          ]
        })
    }
    return .object(members)
  }
}
