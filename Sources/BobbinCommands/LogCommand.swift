// Owns `bobbin log`.

import ArgumentParser
import ContentStore
import Foundation
import Reporting
import Workflow

struct LogCommand: ProgramCommand {
  static let configuration = CommandConfiguration(
    commandName: "log", abstract: "Prints what an instance printed when it last ran.",
    discussion: """
      Of stages that train or fit it has lines of their progress: epoch, loss, accuracy, images a second.

      Example: bobbin log pipelines/quickstart.yaml 'model[regime=standard]'
      """)

  @OptionGroup var options: PipelineOptions
  @Argument(help: "The instance, such as 'model[seed=1]'.") var instance: String

  func run(in program: Program) throws {
    let opened = try options.open(in: program)
    opened.warnOfAbsence()
    let index = try opened.one(instance).instance
    let name = opened.graph.instances[index].name
    let log = opened.graph.log(of: name, in: opened.store.directory)
    if access(log.path, F_OK) == 0 { return try StandardOutput.write(contentOf: log) }
    // It ran elsewhere: what it printed came with its record.
    let plan = try opened.plan([index], in: program)
    if let remote = opened.remote { opened.store.attach(remote) { _ in } }
    guard let key = plan.entries.first(where: { $0.instance == index })?.key,
      try opened.store.record(for: key) != nil
    else { throw CommandFailure("\(name) has no log: it hasn't run with this store") }
    try StandardOutput.write(String(decoding: try opened.store.log(of: key) ?? [], as: UTF8.self))
  }
}
