// Owns `bobbin get`.

import ArgumentParser
import Canonical
import ContentStore
import Executors
import Foundation
import Reporting
import Workflow

struct GetCommand: ProgramCommand {
  static let configuration = CommandConfiguration(
    commandName: "get", abstract: "Copies an artifact out of the store, as the plain file it is.",
    discussion: """
      Bytes that aren't here are fetched from the remote. Nothing runs unless --rebuild says so. Without -o a file \
      goes to standard output.
      """)

  @OptionGroup var options: PipelineOptions
  @Argument(help: "The instance and its artifact: 'scores.csv', 'model[seed=1].model'.") var artifact: String
  @Option(name: [.customShort("o"), .long], help: "Where to put it.", completion: .file()) var output: String?
  @Flag(help: "Run what it takes to have it.") var rebuild = false

  func run(in program: Program) throws {
    let opened = try options.open(in: program)
    opened.warnOfAbsence()
    let (index, name) = try opened.one(artifact)
    let chosen = try output(name, of: opened.graph.instances[index])
    let destination = try output.map(Destination.init)
    try Interruption.listen()
    let found =
      if rebuild, (try? upToDate(index, in: opened, program)) == nil {
        try rebuilt(index, in: opened, program)
      } else {
        try upToDate(index, in: opened, program)
      }
    guard let artifact = found[chosen] else {
      throw CommandFailure("\(opened.graph.instances[index].name) has no artifact '\(chosen)'", status: 2)
    }
    if let destination {
      try destination.put(artifact, from: opened.store)
    } else {
      guard artifact.form == .blob else {
        throw CommandFailure("'\(chosen)' is a folder; say where to put it with -o", status: 2)
      }
      try StandardOutput.write(contentOf: opened.store.file(for: artifact.digest))
    }
  }

  /// The name of the output that is meant: the one that was named, or the only one.
  private func output(_ name: String?, of instance: Instance) throws -> String {
    if let name { return name }
    if instance.outputs.count == 1 { return instance.outputs[0].name }
    let names = instance.outputs.map { "\(artifact).\($0.name)" }.joined(separator: ", ")
    throw CommandFailure("\(instance.name) has several artifacts; name one: \(names)", status: 2)
  }

  /// The artifacts of an instance that is up to date, their bytes here: fetched from the remote where need be, and
  /// nothing run.
  private func upToDate(_ index: Int, in opened: OpenPipeline, _ program: Program) throws -> [String:
    Artifact]
  {
    let plan = try Plan(
      opened.graph, targets: [index], store: opened.store, remote: opened.remote,
      environment: ProcessInfo.processInfo.environment, platform: program.platform)
    for problem in plan.remoteProblems { StandardError.write(legible(lines: "warning: \(problem)\n")) }
    let name = opened.graph.instances[index].name
    guard let found = plan.entries.first(where: { $0.instance == index })?.artifacts else {
      throw CommandFailure(
        "\(name) isn't up to date; first: bobbin run \(options.file) '\(name)', or add --rebuild")
    }
    if let remote = opened.remote {
      opened.store.attach(remote) { StandardError.write(legible(lines: "warning: \($0)\n")) }
    }
    do {
      for artifact in found.values { try opened.fetch(artifact) }
    } catch let error as StoreError where error.isLostBlob {
      throw CommandFailure(Absence(of: index, in: opened, plan).text(options.file, artifact))
    }
    return found
  }

  /// The artifacts of an instance after whatever had to run for them.
  private func rebuilt(_ index: Int, in opened: OpenPipeline, _ program: Program) throws -> [String: Artifact]
  {
    let jobs = ProcessInfo.processInfo.activeProcessorCount
    let executor = LocalExecutor(jobs: jobs)
    defer { executor.shutdown() }
    let display = RunDisplay(graph: opened.graph, store: opened.store.directory)
    let run = try Run(
      opened.graph, store: opened.store, executor: executor,
      options: RunOptions(
        targets: [index], required: [index], jobs: jobs, environment: ProcessInfo.processInfo.environment,
        platform: program.platform, remote: opened.remote, commandLine: CommandLine.arguments),
      observe: display.show)
    Interruption.ends(run)
    let report = run.run()
    display.finish(report)
    guard report.exitStatus == 0, let made = report.instances.first(where: { $0.instance == index }) else {
      let name = opened.graph.instances[index].name
      let causes = report.storeProblems + report.instances.compactMap(\.message)
      throw CommandFailure(causes.first ?? "\(name) could not be made", status: report.exitStatus)
    }
    return made.artifacts
  }
}

extension OpenPipeline {
  /// Has every byte of an artifact here, verified.
  /// - Throws: `.missing`, `.damaged`.
  fileprivate func fetch(_ artifact: Artifact) throws {
    for leaf in try store.leaves(of: artifact) where leaf.form == .blob {
      _ = try store.file(for: leaf.digest)
    }
  }
}
