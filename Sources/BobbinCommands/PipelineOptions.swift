// Owns what every command that reads a pipeline takes, and the way from there to an open pipeline.

import ArgumentParser
import ContentStore
import Foundation
import PipelineFile
import Remotes
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
    let opened =
      try store.store.map {
        try Store.open(at: $0, relativeTo: currentFolder, indexFolder: pipeline.settings.indexFolder)
      }
      ?? Store.open(at: pipeline.root.appending(path: "cache"), indexFolder: pipeline.settings.indexFolder)
    try opened.believe(pipeline.settings.trust())
    var result = OpenPipeline(pipeline: pipeline, store: opened)
    for chosen in try store.chosenRemotes(
      [(pipeline.remotes, pipeline.root), (pipeline.settings.remotes, pipeline.root)])
    {
      do { result.remotes.append(try opened.open(chosen, in: program)) } catch let absence as StoreError {
        // One that isn't there keeps nobody from what is here; one that can't be a remote is a mistake.
        guard case .remoteAbsent = absence else { throw absence }
        result.absences.append((absence, chosen.setting.access == .readOnly))
      }
    }
    return result
  }

  /// The file and the options, as they are typed: for a command line that somebody is told to run.
  var asTyped: String {
    var words = [file]
    for assignment in sets { words += ["--set", assignment] }
    for (name, value) in [("params", params), ("store", store.store)] {
      if let value { words += ["--" + name, value] }
    }
    for remote in store.remote { words += ["--remote", RemoteAddress.shown(remote)] }
    if store.noRemote { words.append("--no-remote") }
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

  @Option(
    parsing: .singleValue,
    help: """
      Where results are shared: a folder, a URL, or the name of a remote that the settings have. Repeatable: they are \
      asked in this order. Default: those of the pipeline file, of bobbin.yaml and of your own settings.
      """) var remote: [String] = []

  @Flag(help: "Use no remote, whatever the settings say.") var noRemote = false

  func validate() throws {
    if noRemote, !remote.isEmpty { throw ValidationError("--no-remote and --remote contradict each other") }
  }

  /// The remotes to use, by what stands nearest first.
  func chosenRemotes(_ lists: [(remotes: [RemoteSetting], base: URL)]) throws -> [ChosenRemote] {
    if noRemote { return [] }
    let own = try UserSettings.load(environment: ProcessInfo.processInfo.environment).remotes
    return try ChosenRemote.all(
      asked: remote, here: currentFolder, lists: lists + [(own, URL(fileURLWithPath: "/"))])
  }

  /// The remotes that `--remote` names, for commands without a pipeline.
  func remotes(of store: Store, root: URL, in program: Program) throws -> [any Remote] {
    if remote.isEmpty { return [] }
    return try chosenRemotes([(try Settings.load(root: root).remotes, root)])
      .map { try store.open($0, in: program) }
  }
}

extension Store {
  /// Opens a remote as the settings have it.
  fileprivate func open(_ chosen: ChosenRemote, in program: Program) throws -> any Remote {
    let setting = chosen.setting
    let remote = try openRemote(
      setting.url, relativeTo: chosen.base, name: setting.name, kinds: program.remotes)
    let bounded: any Remote = setting.access == .readOnly ? ReadOnlyRemote(remote) : remote
    return setting.name.map { NamedRemote(bounded, name: $0) } ?? bounded
  }
}

/// A pipeline with its store.
struct OpenPipeline {
  let pipeline: Pipeline
  let store: Store
  /// In the order in which they are asked.
  var remotes: [any Remote] = []
  /// Why remotes that were asked for aren't used; whether they are for reading alone.
  var absences: [(error: StoreError, isReadOnly: Bool)] = []

  var graph: Graph { pipeline.graph }

  /// Says what is suspicious in the file.
  func warn() {
    for warning in pipeline.warnings { StandardError.write(legible(lines: "warning: \(warning)\n")) }
  }

  /// Says which remotes aren't there, if any.
  func warnOfAbsence() {
    for (absence, _) in absences {
      StandardError.write(legible(lines: "warning: \(absence). Going on without it\n"))
    }
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
