// Owns `bobbin status`.

import ArgumentParser
import Canonical
import Foundation
import Reporting
import Workflow

struct StatusCommand: ProgramCommand {
  static let configuration = CommandConfiguration(
    commandName: "status",
    abstract: "Says of instances whether they are up to date, and why not. Runs nothing.",
    discussion: """
      One line for each cause, with how many instances it concerns:
        stale        stitched[method=fula] (12): learning_rate 0.1 → 0.05

      Examples:
        bobbin status pipelines/quickstart.yaml
        bobbin status pipelines/quickstart.yaml 'stitched[method=fula]' --verbose
        bobbin status pipelines/quickstart.yaml --set epochs=20 --json
      """)

  @OptionGroup var options: PipelineOptions
  @Argument(help: "Instances, such as 'model[seed=1]' or 'scores'. Default: all.") var instances: [String] =
    []
  @Flag(
    name: .shortAndLong,
    help: """
      A line for each instance, with all of its reason; and of each command, which programs count for its key and \
      what doesn't.
      """) var verbose = false
  @Flag(help: "Print one JSON object.") var json = false

  func run(in program: Program) throws {
    let opened = try options.open(in: program)
    opened.warn()
    opened.warnOfAbsence()
    opened.warnOfUndeclaredFiles()
    let targets = try opened.targets(instances)
    let plan = try opened.plan(targets, in: program)
    let shown = targets.map(Set.init)
    try StandardOutput.write(
      json
        ? plan.json(of: shown).canonical + "\n"
        : StatusText(plan, graph: opened.graph, shown: shown, verbose: verbose).text)
    if verbose, !json { try StandardOutput.write(ProgramsText(plan).text) }
    try refuse(plan.remoteProblems)
  }
}
