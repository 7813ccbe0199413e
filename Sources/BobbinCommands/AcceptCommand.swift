// Owns `bobbin accept`.

import ArgumentParser
import Canonical
import ContentStore
import Executors
import Foundation
import PipelineFile
import Reporting
import Workflow

struct AcceptCommand: ProgramCommand {
  static let configuration = CommandConfiguration(
    commandName: "accept",
    abstract: "Keeps a stage's results after a harmless change of code, on the evidence of a sample.",
    discussion: """
      Of instances that are stale for their code alone (the kind's sources, a command's files, programs and \
      distributions), a sample is computed with the new code, at least one for each change. If every bit is that of \
      the earlier results, all of them are recorded under their new keys, and what reads them stays up to date. Each \
      record says for ever from which key it was accepted, when, for which changes and on what evidence; `status` \
      and `show` tell. If one bit differs, nothing is recorded.

      Examples:
        bobbin accept pipelines/quickstart.yaml model
        bobbin accept pipelines/quickstart.yaml 'stitched[method=fula]' --sample 3

      Exit status: 0 accepted; 1 something differs or failed, or there is nothing to accept; 2 the command line or \
      the file is wrong; 3 the store failed; 130 interrupted.
      """)

  @OptionGroup var options: PipelineOptions
  @Argument(help: "The stage, or some of its instances: 'model[seed=1]'.") var stage: String
  @OptionGroup var recomputing: RecomputingOptions
  @Flag(help: "Print one JSON object instead of text.") var json = false

  func run(in program: Program) throws {
    let opened = try options.open(in: program)
    opened.warn()
    opened.warnOfAbsence()
    let graph = opened.graph
    let instances = try opened.pipeline.select(stage).map(\.instance)
    try Interruption.listen()
    opened.store.attach(opened.remotes) { _ in }
    let plan = try opened.showingReading(quiet: recomputing.quiet) {
      try AcceptancePlan(
        graph, instances: instances, store: opened.store, environment: ProcessInfo.processInfo.environment,
        platform: program.platform)
    }
    if let refusal = AcceptanceText.refusal(plan, stage: stage, graph: graph) {
      throw CommandFailure(refusal)
    }
    let executor = recomputing.executor
    defer { executor.shutdown() }
    let display = recomputing.display(of: graph)
    let accepting = try Accepting(
      graph, plan, sample: recomputing.count, seed: recomputing.seed, store: opened.store,
      executor: executor, options: recomputing.options(in: program), comparers: program.comparers,
      observe: display.show)
    if !recomputing.quiet {
      let all = counted(plan.instances.count, "instance")
      StandardError.write("computing \(accepting.count) of \(all) with the new code\n")
    }
    Interruption.ends(accepting.interruption)
    let report = try accepting()
    display.finish()
    if report.verification.interrupted { StandardError.write("interrupted; nothing was accepted\n") }
    try StandardOutput.write(
      json
        ? report.json(plan, graph: graph).canonical + "\n"
        : AcceptanceText.text(report, plan, graph: graph, seed: recomputing.seed))
    try refuse(report.problems)
    if report.exitStatus != 0 { throw ExitCode(report.exitStatus) }
  }
}
