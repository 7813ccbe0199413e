// Owns the worker side of this program. People don't start it.

import ArgumentParser
import Executors
import Foundation

struct WorkerCommand: ProgramCommand {
  static let configuration = CommandConfiguration(commandName: "worker", shouldDisplay: false)

  func run(in program: Program) {
    WorkerMain.run(
      catalogue: program.kinds, program: "bobbin \(Program.version)", versions: program.libraries,
      threads: program.threads)
  }
}
