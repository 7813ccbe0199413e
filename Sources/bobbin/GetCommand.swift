// Owns `bobbin get`.

import Canonical
import ArgumentParser
import ContentStore
import Executors
import Foundation
import Workflow

struct GetCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "get", abstract: "Copies an artifact out of the store, as the plain file it is.",
    discussion: """
      An artifact whose bytes were lost is fetched from the remote or made again. Without -o a file goes to \
      standard output.
      """)

  @OptionGroup var options: PipelineOptions
  @Argument(help: "The instance and its artifact: 'scores.csv', 'model[seed=1].model'.") var artifact: String
  @Option(name: [.customShort("o"), .long], help: "Where to put it.", completion: .file()) var output: String?

  func run() throws {
    let opened = try options.open()
    let (index, name) = try opened.one(artifact)
    let instance = opened.graph.instances[index]
    let found = try current(index, in: opened)
    let chosen: String
    if let name {
      chosen = name
    } else if instance.outputs.count == 1 {
      chosen = instance.outputs[0].name
    } else {
      let names = instance.outputs.map { "\(artifact).\($0.name)" }.joined(separator: ", ")
      throw CommandFailure("\(instance.name) has several artifacts; name one: \(names)", status: 2)
    }
    guard let artifact = found[chosen] else {
      throw CommandFailure("\(instance.name) has no artifact '\(chosen)'", status: 2)
    }
    if let output { return try put(artifact, at: URL(fileURLWithPath: output), from: opened.store) }
    guard artifact.form == .blob else {
      throw CommandFailure("'\(chosen)' is a folder; say where to put it with -o", status: 2)
    }
    FileHandle.standardOutput.write(Data(try opened.store.read(artifact.digest)))
  }

  /// Copies an artifact out. A file that is there is replaced, at once and whole; a folder never is.
  private func put(_ artifact: Artifact, at place: URL, from store: Store) throws {
    var isFolder: ObjCBool = false
    let exists = FileManager.default.fileExists(atPath: place.path, isDirectory: &isFolder)
    guard exists, !isFolder.boolValue, artifact.form == .blob else {
      return try store.export(artifact, to: place)
    }
    let fresh = place.deletingLastPathComponent().appending(
      path: ".\(place.lastPathComponent).\(UUID().uuidString)")
    try store.export(artifact, to: fresh)
    guard rename(fresh.path, place.path) == 0 else {
      let reason = String(cString: strerror(errno))
      try? FileManager.default.removeItem(at: fresh)
      throw CommandFailure("\(place.path) can't be replaced: \(reason)")
    }
  }

  /// The artifacts of an instance that is up to date, readable.
  private func current(_ index: Int, in opened: OpenPipeline) throws -> [String: Artifact] {
    let environment = ProcessInfo.processInfo.environment
    let plan = try Plan(
      opened.graph, targets: [index], store: opened.store, remote: opened.remote, environment: environment)
    let name = opened.graph.instances[index].name
    guard let entry = plan.entries.first(where: { $0.instance == index }), entry.artifacts != nil else {
      throw CommandFailure("\(name) isn't up to date; first: bobbin run \(options.file) '\(name)'")
    }
    // What it reads is up to date too, so this makes again only what was lost.
    Interruption.listen()
    let executor = LocalExecutor(jobs: 1)
    defer { executor.shutdown() }
    let report = try Run(
      opened.graph, store: opened.store, executor: executor,
      options: RunOptions(
        targets: [index], required: [index], jobs: 1, environment: environment, remote: opened.remote,
        isInterrupted: { Interruption.happened })
    ) { event in
      if case .warning(let text) = event { FileHandle.standardError.write(Data("warning: \(text)\n".utf8)) }
    }.run()
    guard report.exitStatus == 0, let made = report.instances.first(where: { $0.instance == index }) else {
      let causes = report.storeProblems + report.instances.compactMap(\.message)
      throw CommandFailure(causes.first ?? "\(name) could not be made again", status: report.exitStatus)
    }
    return made.artifacts
  }
}
