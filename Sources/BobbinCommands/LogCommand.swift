// Owns `bobbin log`.

import ArgumentParser
import ContentStore
import Foundation
import Reporting
import Workflow

struct LogCommand: ProgramCommand {
  static let configuration = CommandConfiguration(
    commandName: "log", abstract: "Prints what an instance printed when it last ran here.")

  @OptionGroup var options: PipelineOptions
  @Argument(help: "The instance, such as 'model[seed=1]'.") var instance: String

  func run(in program: Program) throws {
    let opened = try options.open(in: program)
    let name = opened.graph.instances[try opened.one(instance).instance].name
    let log = opened.graph.log(of: name, in: opened.store.directory)
    guard access(log.path, F_OK) == 0 else {
      throw CommandFailure("\(name) has no log: it hasn't run with this store")
    }
    try StandardOutput.write(contentOf: log)
  }
}
