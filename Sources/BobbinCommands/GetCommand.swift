// Owns `bobbin get`.

import ArgumentParser
import Canonical
import ContentStore
import Executors
import Foundation
import PipelineFile
import Reporting
import Workflow

struct GetCommand: ProgramCommand {
  static let configuration = CommandConfiguration(
    commandName: "get",
    abstract: "Copies artifacts out of the store, as the plain files and folders they are.",
    discussion: """
      Without -o, or with -o -, a file goes to standard output. -o NAME is the place of the artifact itself. \
      -o FOLDER/, and the artifacts of several instances, go into a folder: files named for what tells the instances \
      apart, and manifest.json with path, stage, axes, artifact and digest of each.

      Nothing is replaced but with --force, and then only files of the same names. Bytes that aren't here are fetched \
      from the remote. Nothing runs unless --rebuild says so.

      Examples:
        bobbin get pipelines/quickstart.yaml table.csv -o table.csv
        bobbin get pipelines/quickstart.yaml 'model[regime=standard].model' -o models/
        bobbin get pipelines/quickstart.yaml table.csv | head
      """)

  @OptionGroup var options: PipelineOptions
  @Argument(help: "Instances and their artifact: 'scores.csv', 'model[seed=1].model', 'model'.")
  var artifact: String
  @Option(
    name: [.customShort("o"), .long], help: "Where to put it; a folder for several.", completion: .file())
  var output: String?
  @Flag(help: "Replace files that are there.") var force = false
  @Flag(help: "Run what it takes to have it.") var rebuild = false

  func run(in program: Program) throws {
    let opened = try options.open(in: program)
    opened.warnOfAbsence()
    let selected = try opened.pipeline.select(artifact)
    let instances = selected.map(\.instance)
    let chosen = try output(selected[0].output, of: opened.graph.instances[instances[0]])
    let destination = try Destination(output ?? "-", replaces: force)
    let intoFolder = instances.count > 1 || Destination.isFolder(output ?? "")
    if intoFolder, (output ?? "-") == "-" {
      throw CommandFailure(
        "'\(artifact)' means \(counted(instances.count, "instance")), which don't fit into standard output. Say "
          + "where to put them: -o FOLDER; or name one, such as '\(opened.graph.instances[instances[0]].name)'",
        status: 2)
    }
    try Interruption.listen()
    let found =
      if rebuild, (try? upToDate(instances, in: opened, program)) == nil {
        try rebuilt(instances, in: opened, program)
      } else {
        try upToDate(instances, in: opened, program) { artifacts in
          guard !intoFolder, let artifact = artifacts[0][chosen] else { return }
          try check(artifact, chosen, of: opened.graph.instances[instances[0]])
          try destination.check(artifact, from: opened.store)
        }
      }
    let artifacts = try zip(instances, found).map { i, found in
      guard let artifact = found[chosen] else {
        throw CommandFailure("\(opened.graph.instances[i].name) has no artifact '\(chosen)'", status: 2)
      }
      return artifact
    }
    if intoFolder {
      let group = GroupFiles(opened.graph, Array(zip(instances, artifacts)), output: chosen)
      try destination.put(group.members, and: (GroupFiles.manifest, group.json), from: opened.store)
    } else {
      try check(artifacts[0], chosen, of: opened.graph.instances[instances[0]])
      try destination.put(artifacts[0], from: opened.store)
    }
  }

  /// The name of the output that is meant: the one that was named, or the only one.
  private func output(_ name: String?, of instance: Instance) throws -> String {
    if let name { return name }
    if instance.outputs.count == 1 { return instance.outputs[0].name }
    let names = instance.outputs.map { "\(artifact).\($0.name)" }.joined(separator: ", ")
    throw CommandFailure("\(instance.name) has several artifacts; name one: \(names)", status: 2)
  }

  /// Refuses a name whose extension says something else than the artifact is.
  private func check(_ artifact: Artifact, _ name: String, of instance: Instance) throws {
    guard let output, let declared = instance.outputs.first(where: { $0.name == name }) else { return }
    let given = (output as NSString).pathExtension
    let fitting = declared.fileExtension
    if given.isEmpty || output.hasPrefix("/dev/") || output.hasPrefix("/proc/") { return }
    let isFolder = artifact.form == .manifest
    if !isFolder, given.lowercased() == fitting.lowercased() { return }
    if isFolder {
      // A dot in a folder's name says little, unless files of this sort have just that behind it.
      guard
        given.lowercased() == fitting.lowercased() || GetCommand.endingsOfFiles.contains(given.lowercased())
      else { return }
      throw CommandFailure(
        "\(instance.name).\(name) is a folder, and can't be the file '\(output)'. Name a folder: -o "
          + (output as NSString).deletingPathExtension, status: 2)
    }
    if fitting.isEmpty { return }
    throw CommandFailure(
      "\(instance.name).\(name) is a .\(fitting) file, and '\(output)' says it isn't. Name it -o "
        + (output as NSString).deletingPathExtension + ".\(fitting)", status: 2)
  }

  private static let endingsOfFiles: Set = [
    "safetensors", "json", "jsonl", "csv", "tsv", "svg", "png", "pdf", "txt", "npy", "npz", "pt", "bin",
    "zip",
    "tar", "gz",
  ]

  /// The artifacts of instances that are up to date, their bytes here: fetched from the remote where need be, and
  /// nothing run.
  /// - Parameter check: looks at the artifacts before their bytes are fetched.
  private func upToDate(
    _ instances: [Int], in opened: OpenPipeline, _ program: Program,
    check: ([[String: Artifact]]) throws -> Void = { _ in }
  ) throws -> [[String: Artifact]] {
    let plan = try opened.plan(instances, in: program)
    for problem in plan.remoteProblems { StandardError.write(legible(lines: "warning: \(problem)\n")) }
    let known = Dictionary(uniqueKeysWithValues: plan.entries.map { ($0.instance, $0.artifacts) })
    let stale = instances.filter { known[$0]! == nil }
    guard stale.isEmpty else {
      let names = Selections(opened.graph).names(stale).joined(separator: ", ")
      throw CommandFailure(
        "\(names) \(stale.count == 1 ? "isn't" : "aren't") up to date; first: bobbin run \(options.asTyped) "
          + "'\(instancesAlone(opened, stale))', or add --rebuild")
    }
    let found = instances.map { known[$0]!! }
    try check(found)
    do { try opened.fetch(found.flatMap(\.values)) } catch let error as StoreError where error.isLostBlob {
      throw CommandFailure(
        Absence(of: instances, in: opened, plan).text(options.file, typed: options.asTyped, artifact))
    }
    return found
  }

  /// What `run` takes to bring these up to date.
  private func instancesAlone(_ opened: OpenPipeline, _ instances: [Int]) -> String {
    let first = opened.graph.instances[instances[0]]
    return instances.count == 1 ? first.name : first.stage
  }

  /// The artifacts of instances after whatever had to run for them.
  private func rebuilt(_ instances: [Int], in opened: OpenPipeline, _ program: Program) throws -> [[String:
    Artifact]]
  {
    let jobs = LocalExecutor.cores
    let executor = LocalExecutor(jobs: jobs)
    defer { executor.shutdown() }
    let display = RunDisplay(graph: opened.graph, store: opened.store.directory, jobs: jobs)
    let run = try Run(
      opened.graph, store: opened.store, executor: executor,
      options: RunOptions(
        targets: instances, required: Set(instances), jobs: jobs,
        environment: ProcessInfo.processInfo.environment,
        platform: program.platform, remotes: opened.remotes, commandLine: CommandLine.arguments),
      observe: display.show)
    Interruption.ends(run)
    let report = run.run()
    display.finish(report)
    let made = Dictionary(uniqueKeysWithValues: report.instances.map { ($0.instance, $0.artifacts) })
    guard report.exitStatus == 0 else {
      let name = opened.graph.instances[instances[0]].name
      let causes = report.storeProblems + report.instances.compactMap(\.message)
      throw CommandFailure(causes.first ?? "\(name) could not be made", status: report.exitStatus)
    }
    return instances.map { made[$0] ?? [:] }
  }
}

extension OpenPipeline {
  /// Has every byte of these artifacts here, verified; what has to come from the remote is told.
  /// - Throws: `.missing`, `.damaged`.
  fileprivate func fetch(_ artifacts: [Artifact]) throws {
    let remotes = remotes.map { GuardedRemote($0) { ProcessInfo.processInfo.systemUptime } }
    store.attach(remotes) { StandardError.write(legible(lines: "warning: \($0)\n")) }
    let leaves = try artifacts.flatMap { try store.leaves(of: $0) }
    let blobs = leaves.filter { $0.form == .blob }.map(\.digest)
    let (absent, bytes) = try store.absent(blobs)
    if !absent.isEmpty, !remotes.isEmpty {
      let places = remotes.map { "\($0)" }.joined(separator: ", ")
      StandardError.write(
        legible(lines: "fetching \(counted(absent.count, "file")), \(humanBytes(bytes)), from \(places)\n"))
      let manifests = leaves.filter { $0.form == .manifest }.map(\.digest)
      try showingTraffic("fetching") { try store.fetch(blobs, listedBy: manifests) }
    }
    for blob in blobs { _ = try store.file(for: blob) }
  }
}
