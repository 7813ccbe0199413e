// Owns `bobbin run`.

import Canonical
import ArgumentParser
import ContentStore
import Executors
import Foundation
import PipelineFile
import Reporting
import Workflow

struct RunCommand: ProgramCommand {
  static let configuration = CommandConfiguration(
    commandName: "run", abstract: "Brings a pipeline, or the named instances and what they need, up to date.",
    discussion: """
      Examples:
        bobbin run pipelines/quickstart.yaml
        bobbin run pipelines/quickstart.yaml 'stitched[method=fula]' --jobs 2
        bobbin run pipelines/quickstart.yaml --set epochs=20 --dry-run

      Exit status: 0 all well; 1 an instance failed; 2 the command line or the file is wrong; 3 the store or a \
      remote failed; 130 interrupted. What had finished is kept in any case.
      """)

  @OptionGroup var options: PipelineOptions
  @Argument(help: "Instances, such as 'model[seed=1]' or 'scores'. Default: all.") var instances: [String] =
    []
  @Option(
    name: .shortAndLong,
    help:
      "How many run at a time. Default: one for each core; 1000 with --executor slurm, queued ones included.")
  var jobs: Int?
  @Option(
    help: ArgumentHelp(
      "Where they run: "
        + ExecutorKind.all.map { "\($0.name) (\($0.help))" }.joined(separator: ", ") + ".", valueName: "name")
  )
  var executor = "local"
  @Option(
    help: """
      How many cores they use together. What no instance needs is lent to those that can use it, so one that trains \
      alone has them all; results don't depend on it. Default: all that this process may use.
      """) var threads: Int?
  @Option(
    help: """
      The ids of the GPUs that they use, such as 0,1; each is one instance's at a time (resources: { gpus: 1 }), as its \
      CUDA_VISIBLE_DEVICES. Default: what bobbin.yaml says, else this process's CUDA_VISIBLE_DEVICES, else all.
      """, transform: { $0.split(separator: ",").map(String.init) }) var gpus: [String]?
  @Flag(name: .shortAndLong, help: "After a failure, go on with what doesn't depend on it.") var keepGoing =
    false
  @Flag(help: "Begin at the beginning what was interrupted, and drop the states that it had saved.")
  var noResume = false
  @Flag(
    name: .shortAndLong,
    help: """
      Say what would run and why; run nothing. Forecasts time, bytes and the longest chain by what earlier runs of the \
      stages took, or of others of their kinds, and says how many those are and how far apart.
      """) var dryRun = false
  @Flag(help: "Print one JSON object at the end instead of a line; with --dry-run, instead of the text.")
  var json = false
  @Option(
    parsing: .singleValue,
    help: "Show what these instances print, as they print it: --tail 'model[seed=1]'. Repeatable.")
  var tail: [String] = []
  @Flag(name: .shortAndLong, help: "Show no progress.") var quiet = false
  @Flag(name: .shortAndLong, help: "Say also why results that a remote has weren't taken.") var verbose =
    false

  func validate() throws {
    if let jobs, jobs < 1 { throw ValidationError("--jobs takes a number from 1, not \(jobs)") }
    if let threads, threads < 1 { throw ValidationError("--threads takes a number from 1, not \(threads)") }
    if let gpus, Set(gpus).count < gpus.count { throw ValidationError("--gpus has an id twice") }
    _ = try executorKind
  }

  private var executorKind: ExecutorKind {
    get throws {
      let known = ExecutorKind.all.map(\.name)
      guard let kind = ExecutorKind.all.first(where: { $0.name == executor }) else {
        throw ValidationError("--executor: there is no '\(executor)'\(suggestion(for: executor, in: known))")
      }
      return kind
    }
  }

  func run(in program: Program) throws {
    let opened = try options.open(in: program)
    opened.warn()
    opened.warnOfAbsence()
    if !quiet { opened.warnOfUndeclaredFiles() }
    let graph = opened.graph
    let targets = try opened.targets(instances)
    let cores = min(threads ?? LocalExecutor.cores, LocalExecutor.cores)
    if dryRun {
      let plan = try opened.plan(targets, in: program)
      let forecast = forecast(
        of: plan, in: opened, jobs: jobs ?? cores, capacity: LocalExecutor.capacity(cores: cores))
      guard json else {
        let text = StatusText(
          plan, graph: graph, onlyStale: true, forecast: forecast.map { ForecastText($0, graph: graph) })
        return try StandardOutput.write(text.text)
      }
      var members = plan.json().objectValue!
      members["forecast"] = forecast?.json(graph) ?? .null
      return try StandardOutput.write(JSON.object(members).canonical + "\n")
    }
    try Interruption.listen()
    let environment = ProcessInfo.processInfo.environment
    let gpus = gpus ?? opened.pipeline.settings.gpus ?? LocalExecutor.gpus(environment: environment)
    let settings = opened.pipeline.settings
    let wish = ExecutorWish(
      jobs: self.jobs, cores: cores, gpus: gpus, slurm: settings.slurm, store: opened.store.directory.path,
      identity: program.identity, environment: environment)
    let kind = try executorKind
    let jobs = kind.jobs(wish)
    let executor: any Executor
    do { executor = try kind.make(wish) } catch let error as ExecutorError {
      throw CommandFailure("--executor \(self.executor): \(error)", status: 2)
    }
    defer { executor.shutdown() }
    let began = Date()
    let display = RunDisplay(
      graph: graph, store: opened.store.directory, quiet: quiet, jobs: jobs,
      following: Set(try tail.flatMap { try opened.pipeline.select($0).map(\.instance) }),
      durations: { [store = opened.store] in Durations(graph, store: store) },
      traffic: { [store = opened.store] in store.traffic })
    var report: RunReport
    do {
      var options = RunOptions(
        targets: targets, jobs: jobs, keepGoing: keepGoing, resumes: !noResume, environment: environment,
        platform: program.platform, remotes: opened.remotes, commandLine: CommandLine.arguments)
      if !executor.jobsShareMachine { options.needsOfKinds = settings.slurm.needs }
      let run = try opened.showingReading(quiet: quiet) { [options] in
        try Run(graph, store: opened.store, executor: executor, options: options, observe: display.show)
      }
      Interruption.ends(run)
      report = run.run()
    } catch is Interruption.Happened {
      report = .interruptedBeforehand(graph, targets: targets, seconds: Date().timeIntervalSince(began))
    }
    // What should have been shared isn't, so this is no success.
    report.storeProblems += opened.absences.filter { !$0.isReadOnly }.map { "\($0.error)" }
    display.finish(report)
    if verbose {
      opened.explainRefusals(
        of: report.instances.compactMap { instance in instance.key.map { (instance.name, $0) } })
    }
    executor.shutdown()
    if report.executed > 0 { opened.keepWithinBound() }
    if report.fromOtherPlatforms > 0 {
      StandardError.write(
        "\(counted(report.fromOtherPlatforms, "cached result")) came from another platform than this one (other "
          + "instructions or versions of libraries); `bobbin show` says which\n")
    }
    if !report.ofSeveralPlatforms.isEmpty {
      let names = Selections(graph).names(report.ofSeveralPlatforms).joined(separator: ", ")
      let verb = report.ofSeveralPlatforms.count == 1 ? "was" : "were"
      StandardError.write(
        legible(lines: "\(names) \(verb) made of results of several platforms; `bobbin show` says which\n"))
    }
    if let interruption = report.interruption { StandardError.write(interruption + "\n") }
    if let goingOn = executor.goingOn { StandardError.write(goingOn + "\n") }
    do { try StandardOutput.write((json ? report.json.canonical : report.summary) + "\n") } catch {
      // What went wrong with the run itself says more than that it couldn't be told.
      if report.exitStatus == 0 { throw error }
    }
    if report.exitStatus != 0 { throw ExitCode(report.exitStatus) }
  }

  /// What bringing the plan up to date will take; nil when there is nothing to do.
  private func forecast(of plan: Plan, in opened: OpenPipeline, jobs: Int, capacity: Resources) -> Forecast? {
    let stages = Set(
      plan.entries.filter { $0.state != .upToDate }.map { opened.graph.instances[$0.instance].stage })
    if stages.isEmpty { return nil }
    let costs = EarlierCosts(opened.graph, stages: stages, store: opened.store)
    return Forecast(plan, graph: opened.graph, costs: costs, jobs: jobs, capacity: capacity)
  }
}
