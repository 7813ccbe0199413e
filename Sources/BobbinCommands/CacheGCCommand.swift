// Owns `bobbin cache gc`, and what is freed after a run.

import ArgumentParser
import Canonical
import ContentStore
import Foundation
import PipelineFile
import Reporting
import Workflow

struct CacheGCCommand: ProgramCommand {
  static let configuration = CommandConfiguration(
    commandName: "gc", abstract: "Frees room in the store. What the last runs need stays.",
    discussion: """
      Say what may go. --unreachable: results that the last run of no pipeline file came to. --older-than AGE: of those, \
      and of states, copies and log files, what nobody has used for so long. --to SIZE: as much as it takes until the \
      store is that small, in this order: copies in open/, log files, what other programs put there while it was \
      served, states of unfinished work, results that the \
      remote (--remote) has too, other results (those first that took little time for their bytes and haven't been \
      used for long). Then their bytes go and their records stay, so that nothing that depends on them runs again. \
      Without any of these the bound in bobbin.yaml is taken: cache: { bound: 50G }.

      Never freed: what the last run of each pipeline file came to, with what it needs; what `cache pin` keeps; what \
      runs in progress use; what is younger than --grace. A file whose results nobody wants any more is forgotten with \
      --forget. Ending gc at any moment leaves a whole store.

      Examples:
        bobbin cache gc --to 20G --dry-run
        bobbin cache gc --unreachable --older-than 30d
        bobbin cache gc --to 20G --remote /mnt/team/bobbin
        bobbin cache gc --forget pipelines/old.yaml --unreachable

      Exit status: 0; 1 when the store is still larger than it may be; 3 when the store or the remote failed.
      """)

  @OptionGroup var options: StoreOptions
  @Option(
    name: [.customLong("to"), .customLong("keep-bytes")],
    help: "Free until the store has this size: 20G, 500M.")
  var bound: String?
  @Option(help: "Free what nobody has used for so long: 30d, 12h.") var olderThan: String?
  @Flag(help: "Free results that no last run came to, with their records.") var unreachable = false
  @Option(help: "Free nothing younger than this.") var grace = "1h"
  @Option(
    parsing: .singleValue,
    help: "From now on the last run of this pipeline file needs nothing, until it runs again. Repeatable.")
  var forget: [String] = []
  @Flag(name: .shortAndLong, help: "Say what would go; free nothing.") var dryRun = false
  @Flag(help: "Print one JSON object.") var json = false

  func validate() throws {
    if let bound, Quantity.bytes(bound) == nil {
      throw ValidationError("--to takes a size such as 20G or 500M, not '\(bound)'")
    }
    for (name, time) in [("older-than", olderThan), ("grace", grace)] {
      if let time, Quantity.seconds(time) == nil {
        throw ValidationError("--\(name) takes a time such as 30d, 12h or 0s, not '\(time)'")
      }
    }
    if dryRun, !forget.isEmpty {
      throw ValidationError("--forget can't be tried: a dry run changes nothing")
    }
  }

  func run(in program: Program) throws {
    let place = try options.place()
    let store = place.store
    for file in forget { try self.forget(file, in: store) }
    var wish = GarbageWish(
      bound: bound.flatMap(Quantity.bytes), unusedFor: olderThan.flatMap(Quantity.seconds),
      unreachable: unreachable, grace: Quantity.seconds(grace)!)
    if wish.bound == nil, wish.unusedFor == nil, !wish.unreachable {
      guard let bound = try Settings.load(root: place.root).cacheBound else {
        if !forget.isEmpty { return }
        throw CommandFailure(
          "say what may go: --to SIZE, --older-than AGE or --unreachable, with --dry-run to see it first; or write "
            + "cache: { bound: 50G } in bobbin.yaml", status: 2)
      }
      wish.bound = bound
    }
    let remotes = try options.remotes(of: store, root: place.root, in: program)
    let report = dryRun ? try store.freeable(wish, on: remotes) : try store.free(wish, on: remotes)
    try StandardOutput.write(
      json ? report.json(isDry: dryRun).canonical + "\n" : report.text(isDry: dryRun, grace: wish.grace))
    if report.excess > 0 { throw ExitCode(1) }
  }

  private func forget(_ file: String, in store: Store) throws {
    let url = currentFolder.appending(path: file).standardizedFileURL
    let absolute = file.hasPrefix("/") ? URL(fileURLWithPath: file).standardizedFileURL : url
    let known = try store.pipelinePlaces()
    guard let place = known.first(where: { "\($0.project)/\($0.file)" == absolute.path || $0.file == file })
    else {
      let names = known.map { "  \($0.project)/\($0.file)" }.joined(separator: "\n")
      throw CommandFailure(
        "the store knows no run of '\(file)'" + (names.isEmpty ? "" : "; it knows\n\(names)"), status: 2)
    }
    let count = try store.forget(place) ?? 0
    if !json { try StandardOutput.write("forgot \(counted(count, "result")) of \(place.file)\n") }
  }
}

extension OpenPipeline {
  /// Keeps the store within its project's bound, and says what that took. Nothing that goes wrong with it is the run's
  /// affair.
  func keepWithinBound() {
    guard let bound = pipeline.settings.cacheBound, !store.isReadOnly else { return }
    do {
      guard try store.size() > bound else { return }
      let wish = GarbageWish(bound: bound)
      let report = try store.free(wish, on: remotes)
      StandardError.write(legible(lines: report.line(grace: wish.grace) + "\n"))
    } catch {
      StandardError.write(legible(lines: "warning: the store could not be kept within its bound: \(error)\n"))
    }
  }
}

/// Where a command was started.
var currentFolder: URL { URL(fileURLWithPath: FileManager.default.currentDirectoryPath, isDirectory: true) }

extension StoreOptions {
  /// The store without a pipeline: `--store`, or cache/ of the project around the working directory; and the root of that
  /// project.
  func place() throws -> (store: Store, root: URL) {
    let root = Pipeline.projectRoot(of: currentFolder.appending(path: "file"))
    if let store { return (try Store.open(at: store, relativeTo: currentFolder), root) }
    return (try Store.open(at: root.appending(path: "cache")), root)
  }
}
