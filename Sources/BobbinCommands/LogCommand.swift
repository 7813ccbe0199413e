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
    // What was printed is kept with the record, wherever it ran, and whatever ran under this name since. What failed or
    // runs now has a file alone, and so has what can't be planned for want of a file.
    let plan: Plan?
    do { plan = try opened.plan([index], in: program) } catch let interrupted as Interruption.Happened {
      throw interrupted
    } catch { plan = nil }
    let key = plan?.entries.first { $0.instance == index }?.key
    let isRecorded = try key.map { try opened.store.record(for: $0) != nil } ?? false
    if isRecorded, let key, let printed = try opened.store.log(of: key) {
      return try StandardOutput.write(String(decoding: printed, as: UTF8.self))
    }
    let log = opened.graph.log(of: name, in: opened.store.directory)
    if access(log.path, F_OK) == 0 { return try StandardOutput.write(contentOf: log) }
    guard isRecorded else { throw CommandFailure("\(name) has no log: it hasn't run with this store") }
  }
}
