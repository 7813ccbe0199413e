// Owns `bobbin verify`.

import ArgumentParser
import Canonical
import ContentStore
import Executors
import Foundation
import PipelineFile
import Reporting
import Workflow

struct VerifyCommand: ProgramCommand {
  static let configuration = CommandConfiguration(
    commandName: "verify",
    abstract: "Computes a sample of what is in the cache again and compares the bits.",
    discussion: """
      Nothing is published, and nothing in the store changes: what an instance reads is what is recorded, it is \
      computed alone and from its beginning, and its result is thrown away. Where the bits differ, it says in which \
      artifact and where in it (the tensor, the field, the line, the byte), by how much, and whether the record comes \
      from another instruction set or other versions of libraries. What isn't in the cache is not verified, and said \
      to be so.

      A sample has instances of every stage in turn, in the order of SHA-256 of the seed and their names, so that a \
      seed names a sample.

      Examples:
        bobbin verify pipelines/quickstart.yaml
        bobbin verify pipelines/quickstart.yaml --all --jobs 2
        bobbin verify pipelines/quickstart.yaml 'stitched[method=fula]' --sample 3 --seed 1
        bobbin verify pipelines/quickstart.yaml --remote team   # what a colleague computed

      The last line is `verified V, different D, not in the cache M in T` (with `failed F` before `not in the cache` \
      where something failed).
      Exit status: 0 all that was computed is equal; 1 something differs or failed, or nothing could be verified; 2 \
      the command line or the file is wrong; 3 the store failed; 130 interrupted.
      """)

  @OptionGroup var options: PipelineOptions
  @Argument(help: "Instances, such as 'model[seed=1]' or 'scores'. Default: all.") var instances: [String] =
    []
  @OptionGroup var recomputing: RecomputingOptions
  @Flag(help: "Print one JSON object instead of text.") var json = false

  func run(in program: Program) throws {
    let opened = try options.open(in: program)
    opened.warn()
    opened.warnOfAbsence()
    let targets = try opened.targets(instances)
    try Interruption.listen()
    let plan = try opened.plan(targets, in: program)
    let executor = recomputing.executor
    defer { executor.shutdown() }
    let display = recomputing.display(of: opened.graph)
    let verification = try opened.showingReading(quiet: recomputing.quiet) {
      try Verification(
        opened.graph, plan, of: targets, sample: recomputing.count, seed: recomputing.seed,
        store: opened.store, executor: executor, options: recomputing.options(in: program),
        comparers: program.comparers, observe: display.show)
    }
    if !recomputing.quiet {
      StandardError.write(
        "computing \(verification.count) of \(counted(verification.drawnFrom, "instance")) in the cache again\n"
      )
    }
    Interruption.ends(verification.interruption)
    let report = verification()
    display.finish()
    if report.interrupted { StandardError.write("interrupted; the store is as it was\n") }
    try StandardOutput.write(
      json
        ? report.json.canonical + "\n"
        : VerificationText(report, graph: opened.graph, seed: recomputing.seed).text)
    try refuse(plan.remoteProblems)
    if report.exitStatus != 0 { throw ExitCode(report.exitStatus) }
  }
}

/// How instances are computed again.
struct RecomputingOptions: ParsableArguments {
  @Option(help: "How many instances to compute. Default: \(Verification.usualSample).") var sample: Int?
  @Flag(help: "Compute all of them.") var all = false
  @Option(help: "Which sample: any whole number.") var seed = 0
  @Option(name: .shortAndLong, help: "How many run at a time. Default: one for each core.") var jobs: Int?
  @Option(help: "How many cores they use together. Default: all that this process may use.") var threads: Int?
  @Flag(name: .shortAndLong, help: "Show no progress.") var quiet = false

  func validate() throws {
    if let sample, sample < 1 { throw ValidationError("--sample takes a number from 1, not \(sample)") }
    if sample != nil, all { throw ValidationError("--sample and --all exclude each other") }
    if let jobs, jobs < 1 { throw ValidationError("--jobs takes a number from 1, not \(jobs)") }
    if let threads, threads < 1 { throw ValidationError("--threads takes a number from 1, not \(threads)") }
  }

  /// How many to draw; nil: all.
  var count: Int? { all ? nil : sample ?? Verification.usualSample }

  private var cores: Int { min(threads ?? LocalExecutor.cores, LocalExecutor.cores) }

  var executor: LocalExecutor { LocalExecutor(jobs: jobs ?? cores, cores: cores) }

  func options(in program: Program) -> RunOptions {
    RunOptions(
      jobs: jobs ?? cores, environment: ProcessInfo.processInfo.environment, platform: program.platform,
      commandLine: CommandLine.arguments)
  }

  func display(of graph: Graph) -> RunDisplay {
    RunDisplay(graph: graph, store: nil, quiet: quiet, jobs: jobs ?? cores, announces: false)
  }
}
