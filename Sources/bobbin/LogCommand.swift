// Owns `bobbin log`.

import ArgumentParser
import ContentStore
import Foundation
import Workflow

struct LogCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "log", abstract: "Prints what an instance printed when it last ran here.")

  @OptionGroup var options: PipelineOptions
  @Argument(help: "The instance, such as 'model[seed=1]'.") var instance: String

  func run() throws {
    let opened = try options.open()
    let name = opened.graph.instances[try opened.one(instance).instance].name
    let log = opened.graph.log(of: name, in: opened.store.directory)
    guard let text = try? Data(contentsOf: log) else {
      throw CommandFailure("\(name) has no log: it hasn't run with this store")
    }
    FileHandle.standardOutput.write(text)
  }
}
