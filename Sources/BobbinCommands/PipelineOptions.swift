// Owns what every command that reads a pipeline takes, and the way from there to an open pipeline.

import ArgumentParser
import ContentStore
import Foundation
import PipelineFile
import Reporting
import Workflow

/// The file and the options `--set`, `--params`, `--store`, `--remote`.
struct PipelineOptions: ParsableArguments {
  @Argument(help: "The pipeline file.", completion: .file(extensions: ["yaml", "yml"]))
  var file: String

  @Option(
    name: .customLong("set"), parsing: .singleValue, help: "Override a parameter: --set epochs=3. Repeatable."
  )
  var sets: [String] = []

  @Option(help: "A YAML file whose values override the file's params.", completion: .file())
  var params: String?

  @OptionGroup var store: StoreOptions

  /// Loads the pipeline and opens its store and remote.
  func open(in program: Program) throws -> OpenPipeline {
    let pipeline = try load(in: program)
    let here = URL(fileURLWithPath: FileManager.default.currentDirectoryPath)
    let opened =
      try store.store.map { try Store.open(at: $0, relativeTo: here) }
      ?? Store.open(at: pipeline.root.appending(path: "cache"))
    // A place on the command line counts from here, one in the file from the project's root.
    do {
      let remote =
        try store.remote.map { try opened.openRemote($0, relativeTo: here, kinds: program.remotes) }
        ?? pipeline.remote.map {
          try opened.openRemote($0, relativeTo: pipeline.root, kinds: program.remotes)
        }
      return OpenPipeline(pipeline: pipeline, store: opened, remote: remote)
    } catch let absence as StoreError {
      // One that isn't there keeps nobody from what is here; one that can't be a remote is a mistake.
      guard case .remoteAbsent = absence else { throw absence }
      return OpenPipeline(pipeline: pipeline, store: opened, remote: nil, absence: absence)
    }
  }

  /// The file and the options, as they are typed: for a command line that somebody is told to run.
  var asTyped: String {
    var words = [file]
    for assignment in sets { words += ["--set", assignment] }
    for (name, value) in [
      ("params", params), ("store", store.store), ("remote", store.remote.map(RemoteAddress.shown)),
    ] {
      if let value { words += ["--" + name, value] }
    }
    return words.map { ShellReading.quoted($0) }.joined(separator: " ")
  }

  /// Loads the pipeline without touching a store.
  func load(in program: Program) throws -> Pipeline {
    try Pipeline.load(
      path: file, catalogue: program.kinds, sets: sets, paramsFile: params.map { URL(fileURLWithPath: $0) })
  }
}

/// `--store` and `--remote`.
struct StoreOptions: ParsableArguments {
  @Option(help: "The store's folder. Default: cache/ in the project's root.", completion: .directory)
  var store: String?

  @Option(help: "Where results are shared: a folder or a URL. Default: what the pipeline file says.")
  var remote: String?
}

/// A pipeline with its store.
struct OpenPipeline {
  let pipeline: Pipeline
  let store: Store
  let remote: (any Remote)?
  /// Why the remote that was asked for isn't used.
  var absence: StoreError?

  var graph: Graph { pipeline.graph }

  /// Says what is suspicious in the file.
  func warn() {
    for warning in pipeline.warnings { StandardError.write(legible(lines: "warning: \(warning)\n")) }
  }

  /// Says that the remote isn't there, if so.
  func warnOfAbsence() {
    if let absence { StandardError.write(legible(lines: "warning: \(absence). Going on without it\n")) }
  }

  /// The instances that selectors mean; nil, all of them, without any.
  func targets(_ selectors: [String]) throws -> [Int]? {
    try selectors.isEmpty ? nil : selectors.flatMap { try pipeline.select($0).map(\.instance) }
  }

  /// Says which files commands name that nothing declares.
  func warnOfUndeclaredFiles() {
    for warning in pipeline.undeclaredFiles { StandardError.write(legible(lines: "warning: \(warning)\n")) }
  }

  /// The one instance that a selector means, and the output if it names one.
  func one(_ selector: String) throws -> (instance: Int, output: String?) {
    let selected = try pipeline.select(selector)
    guard selected.count == 1 else {
      let names = selected.prefix(4).map { "  " + graph.instances[$0.instance].name }.joined(separator: "\n")
      throw CommandFailure(
        "'\(selector)' means \(selected.count) instances; name one, such as\n\(names)", status: 2)
    }
    return selected[0]
  }
}
