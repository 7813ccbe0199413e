// Owns `bobbin diff`.

import ArgumentParser
import Canonical
import ContentStore
import Foundation
import Reporting
import Workflow

struct DiffCommand: ProgramCommand {
  static let configuration = CommandConfiguration(
    commandName: "diff",
    abstract: "Sets two runs of a pipeline side by side: what ran, what changed, whose outputs differ.",
    discussion: """
      A run is named by its number (see `bobbin history FILE`), or counted from the newest: last, last~1, last~2. \
      Parameters, code, inputs and variables are named with old and new values, one line for each cause; what \
      merely reads what changed is said to follow. Scores that differ stand beside each other. Of an instance \
      that a run had no news of, what was known of it then counts.

      Examples:
        bobbin diff pipelines/quickstart.yaml
        bobbin diff pipelines/quickstart.yaml --from 3 --to last
        bobbin diff pipelines/quickstart.yaml --from last~5 --json
      """)

  @OptionGroup var options: PipelineOptions
  @Option(help: "The earlier run: 3, last~1, ….") var from = "last~1"
  @Option(help: "The later run: 7, last, ….") var to = "last"
  @Flag(help: "Print one JSON object, with keys and artifacts of all instances that differ.") var json = false

  func run(in program: Program) throws {
    let opened = try options.open(in: program)
    let runs = try (find(from, in: opened), find(to, in: opened))
    guard runs.0.id != runs.1.id else {
      throw CommandFailure("'\(from)' and '\(to)' are both run \(runs.0.id); name two", status: 2)
    }
    let comparison = try RunComparison(
      from: runs.0, to: runs.1, graph: opened.graph, kinds: program.kinds, store: opened.store)
    try StandardOutput.write(
      json
        ? comparison.json.canonical + "\n" : DiffText(comparison, graph: opened.graph, zone: .current).text)
  }

  private func find(_ text: String, in opened: OpenPipeline) throws -> RunEntry {
    let (project, file) = (opened.graph.project, opened.graph.file)
    guard let name = RunName(text) else {
      throw CommandFailure(
        "'\(text)' names no run: give a number, last or last~1; `bobbin history \(options.file)` lists them",
        status: 2)
    }
    if let run = try opened.store.run(name, project: project, file: file) { return run }
    let count = try opened.store.countRuns(project: project, file: file)
    let there = count == 1 ? "there is 1" : "there are \(count)"
    if case .number(let id) = name,
      let other = try opened.store.runs(project: project, limit: .max).first(where: { $0.id == id })
    {
      throw CommandFailure(
        "run \(id) is one of \(other.file), not of \(options.file); see bobbin history \(options.file)",
        status: 2)
    }
    throw CommandFailure("no run '\(text)'; \(there), see bobbin history \(options.file)", status: 2)
  }
}
