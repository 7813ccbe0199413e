// Owns `bobbin cache`.

import ArgumentParser
import Canonical
import ContentStore
import Foundation
import PipelineFile
import Reporting
import Workflow

struct CacheCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "cache", abstract: "Looks into the store, and shares it.",
    discussion: "Example: bobbin cache stats",
    subcommands: [StatsCommand.self, PushCommand.self, PullCommand.self])
}

struct StatsCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "stats", abstract: "Counts what the store holds, and how well it is compressed.",
    discussion: """
      States are what work goes on from after an interruption, and what longer work of the same begins with.
      What is in open/ may be deleted at any time: copies of blobs, decompressed so that they can be mapped.

      Example: bobbin cache stats --store /data/cache --json
      """)

  @OptionGroup var options: StoreOptions
  @Flag(help: "Print one JSON object.") var json = false

  func run() throws {
    let stats = try options.openStore().stats()
    if json { return try StandardOutput.write(stats.json.canonical + "\n") }
    var lines = [
      "records      \(stats.records)",
      "blobs        \(stats.total.count), \(bytes(stats.total.content)) in \(bytes(stats.total.stored))",
    ]
    for (codec, amount) in stats.blobs.sorted(by: { $0.key.rawValue < $1.key.rawValue }) {
      let name = codec.rawValue.padding(toLength: 12, withPad: " ", startingAt: 0)
      lines.append("  \(name) \(amount.count), \(bytes(amount.content)) in \(bytes(amount.stored))")
    }
    lines.append(
      "of these small ones inside the index: \(stats.inline.count), only on a remote: \(stats.elsewhere.count)"
    )
    lines.append("states       \(stats.states.count), \(bytes(stats.states.bytes)), of work under way")
    lines.append("open/        \(stats.opened.count), \(bytes(stats.opened.bytes)), decompressed copies")
    lines.append("logs/        \(stats.logs.count), \(bytes(stats.logs.bytes))")
    try StandardOutput.write(lines.joined(separator: "\n") + "\n")
  }
}

extension StoreStats {
  fileprivate var json: JSON {
    func json(_ amount: Amount) -> JSON {
      [
        "count": .integer(amount.count), "content": .integer(amount.content),
        "stored": .integer(amount.stored),
      ]
    }
    func json(_ files: Files) -> JSON { ["count": .integer(files.count), "bytes": .integer(files.bytes)] }
    return [
      "records": .integer(records), "blobs": json(total),
      "codecs": .object(
        Dictionary(uniqueKeysWithValues: blobs.map { ($0.key.rawValue, json($0.value)) })),
      "inline": json(inline), "elsewhere": json(elsewhere), "states": json(states), "open": json(opened),
      "logs": json(logs),
    ]
  }
}

struct PushCommand: ProgramCommand {
  static let configuration = CommandConfiguration(
    commandName: "push", abstract: "Copies results to a remote: all of a pipeline that are up to date.",
    discussion: "Example: bobbin cache push pipelines/quickstart.yaml --remote /mnt/team/bobbin")

  @OptionGroup var options: PipelineOptions

  func run(in program: Program) throws {
    let (opened, remote) = try options.openWithRemote(in: program)
    let plan = try opened.plan(in: program, asking: nil)
    let keys = plan.entries.filter { $0.artifacts != nil }.compactMap(\.key)
    try finish(try opened.store.push(keys, to: remote), "pushed to \(remote)")
  }
}

struct PullCommand: ProgramCommand {
  static let configuration = CommandConfiguration(
    commandName: "pull", abstract: "Copies results of a pipeline from a remote, bytes included.",
    discussion: "Example: bobbin cache pull pipelines/quickstart.yaml --remote /mnt/team/bobbin")

  @OptionGroup var options: PipelineOptions

  func run(in program: Program) throws {
    let (opened, remote) = try options.openWithRemote(in: program)
    let before = try opened.store.stats().records
    // Records come with the plan: keys downstream are made of what they say.
    let plan = try opened.plan(in: program, asking: remote)
    let keys = plan.entries.filter { $0.artifacts != nil }.compactMap(\.key)
    var transfer = try opened.store.pull(keys, from: remote)
    transfer.records = try opened.store.stats().records - before
    try finish(transfer, "pulled from \(remote)")
    try refuse(plan.remoteProblems)
  }
}

private func finish(_ transfer: Transfer, _ what: String) throws {
  try StandardOutput.write(
    "\(what): \(counted(transfer.records, "record")), \(counted(transfer.blobs, "blob")), "
      + "\(bytes(transfer.bytes))"
      + (transfer.skipped > 0
        ? "; \(transfer.skipped) \(transfer.skipped == 1 ? "was" : "were") there already" : "")
      + "\n")
  try refuse(transfer.problems)
}

private func bytes(_ count: Int) -> String { humanBytes(count) }

extension StoreOptions {
  /// The store without a pipeline: `--store`, or cache/ of the project around the working directory.
  fileprivate func openStore() throws -> Store {
    let here = URL(fileURLWithPath: FileManager.default.currentDirectoryPath)
    if let store { return try Store.open(at: store, relativeTo: here) }
    return try Store.open(at: Pipeline.projectRoot(of: here.appending(path: "file")).appending(path: "cache"))
  }
}

extension PipelineOptions {
  fileprivate func openWithRemote(in program: Program) throws -> (OpenPipeline, any Remote) {
    let opened = try open(in: program)
    if let absence = opened.absence { throw absence }
    guard let remote = opened.remote else {
      throw CommandFailure("there is no remote: give --remote, or write `remote:` in \(file)", status: 2)
    }
    return (opened, remote)
  }
}
