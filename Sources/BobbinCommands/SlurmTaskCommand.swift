// Owns the side of this program that Slurm starts. People don't.

import ArgumentParser
import Executors
import Foundation

struct SlurmTaskCommand: ProgramCommand {
  static let configuration = CommandConfiguration(commandName: "slurm-task", shouldDisplay: false)

  @Argument var folder: String

  func run(in program: Program) {
    Foundation.exit(
      SlurmTask.run(
        folder: folder, identity: program.identity, environment: ProcessInfo.processInfo.environment))
  }
}
