// Owns `bobbin status`.

import ArgumentParser
import Foundation
import Reporting
import Workflow

struct StatusCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "status",
    abstract: "Says of each instance whether it is up to date, and why not. Runs nothing.")

  @OptionGroup var options: PipelineOptions

  func run() throws {
    let opened = try options.open()
    let plan = try Plan(
      opened.graph, store: opened.store, remote: opened.remote,
      environment: ProcessInfo.processInfo.environment)
    print(StatusText(plan, graph: opened.graph).text, terminator: "")
    for problem in plan.remoteProblems { throw CommandFailure(problem, status: 3) }
  }
}
