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
    abstract: "Prints the record of an instance as JSON: its action, artifacts, facts, lineage.")

  @OptionGroup var options: PipelineOptions
  @Argument(help: "The instance, such as 'model[seed=1]'.") var instance: String

  func run(in program: Program) throws {
    let opened = try options.open(in: program)
    opened.warnOfAbsence()
    let index = try opened.one(instance).instance
    let graph = opened.graph
    let plan = try Plan(
      graph, targets: [index], store: opened.store, remote: opened.remote,
      environment: ProcessInfo.processInfo.environment,
      platform: program.platform)
    let entries = Dictionary(uniqueKeysWithValues: plan.entries.map { ($0.instance, $0) })
    guard let key = entries[index]?.key, let record = try opened.store.record(for: key) else {
      throw CommandFailure(
        "\(graph.instances[index].name) isn't up to date; `bobbin status \(options.file)` says why")
    }
    var lineage: [String: JSON] = [:]
    for i in graph.closure(of: [index]) where i != index {
      lineage[graph.instances[i].name] = entries[i]?.key.map { .string($0.hex) } ?? .null
    }
    let shown: JSON = [
      "instance": .string(graph.instances[index].name), "record": try JSON(parsing: record.text),
      "lineage": .object(lineage),
    ]
    try StandardOutput.write(shown.indented + "\n")
  }
}
