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

      Example: bobbin show pipelines/quickstart.yaml 'model[regime=standard]'
      """)

  @OptionGroup var options: PipelineOptions
  @Argument(help: "The instance, such as 'model[seed=1]'.") var instance: String

  func run(in program: Program) throws {
    let opened = try options.open(in: program)
    opened.warnOfAbsence()
    let index = try opened.one(instance).instance
    let graph = opened.graph
    let plan = try opened.plan([index], in: program)
    let entries = Dictionary(uniqueKeysWithValues: plan.entries.map { ($0.instance, $0) })
    guard let key = entries[index]?.key, let record = try opened.store.record(for: key) else {
      throw CommandFailure(
        "\(graph.instances[index].name) isn't up to date; `bobbin status \(options.asTyped)` says why")
    }
    var lineage: [String: JSON] = [:]
    for i in graph.closure(of: [index]) where i != index {
      lineage[graph.instances[i].name] = entries[i]?.key.map { .string($0.hex) } ?? .null
    }
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
