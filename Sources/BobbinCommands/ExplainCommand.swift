// Owns `bobbin explain`.

import ArgumentParser
import Canonical
import Foundation
import Reporting
import Workflow

struct ExplainCommand: ProgramCommand {
  static let configuration = CommandConfiguration(
    commandName: "explain",
    abstract: "Says what the key of an instance is made of, and why it is or isn't up to date. Runs nothing.",
    discussion: """
      Of one instance: every component of its key (parameters, inputs by content, sources, variables, salt, platform), \
      and how they differ from its last result, or from the nearest one of its stage. Of what is read from other \
      instances the chain is followed to where it begins:
        input model: content changed (model 'stitched' ← model[seed=0] ← digits: test 40 → 30)
      Of what is up to date: when and on what it was made.

      Of a stage, several instances or the whole file: a line for each cause, with a count and an example.

      Examples:
        bobbin explain pipelines/quickstart.yaml
        bobbin explain pipelines/quickstart.yaml 'stitched[method=fula]'
        bobbin explain pipelines/quickstart.yaml table --set epochs=20 --json
      """)

  @OptionGroup var options: PipelineOptions
  @Argument(help: "Instances, such as 'model[seed=1]' or 'scores'. Default: all.") var instances: [String] =
    []
  @Flag(
    name: .shortAndLong,
    help: "All of each instance, and every source and member of a list.") var verbose = false
  @Flag(help: "Print one JSON object, with all of each instance.") var json = false

  func run(in program: Program) throws {
    let opened = try options.open(in: program)
    opened.warn()
    opened.warnOfAbsence()
    let graph = opened.graph
    let targets = try opened.targets(instances)
    let isWhole = verbose || json || targets?.count == 1
    let explained = isWhole ? targets ?? Array(graph.instances.indices) : []
    let plan = try opened.plan(targets, in: program, explaining: explained)
    if json {
      let object: JSON = ["instances": .array(plan.explanations.map(\.json))]
      try StandardOutput.write(object.canonical + "\n")
    } else if isWhole {
      let texts = plan.explanations.map { ExplainText($0, verbose: verbose).text }
      try StandardOutput.write(texts.joined(separator: "\n"))
    } else {
      try StandardOutput.write(
        StatusText(plan, graph: graph, shown: targets.map(Set.init), examples: true).text)
    }
    try refuse(plan.remoteProblems)
  }
}
