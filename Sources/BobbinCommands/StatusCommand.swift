// Owns `bobbin status`.

import ArgumentParser
import Foundation
import Reporting
import Workflow

struct StatusCommand: ProgramCommand {
  static let configuration = CommandConfiguration(
    commandName: "status",
    abstract: "Says of each instance whether it is up to date, and why not. Runs nothing.")

  @OptionGroup var options: PipelineOptions

  func run(in program: Program) throws {
    let opened = try options.open(in: program)
    opened.warnOfAbsence()
    let plan = try Plan(
      opened.graph, store: opened.store, remote: opened.remote,
      environment: ProcessInfo.processInfo.environment, platform: program.platform)
    try StandardOutput.write(StatusText(plan, graph: opened.graph).text)
    try refuse(plan.remoteProblems)
  }
}
