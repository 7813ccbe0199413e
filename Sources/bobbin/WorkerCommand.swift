// Owns the worker side of this program. People don't start it.

import ArgumentParser
import Executors
import Stages
import Workflow

struct WorkerCommand: ParsableCommand {
  static let configuration = CommandConfiguration(commandName: "worker", shouldDisplay: false)

  func run() { WorkerMain.run(catalogue: KindCatalogue(stageKinds()), versions: libraryVersions) }
}
