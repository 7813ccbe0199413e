// Owns `bobbin cache`, and of its commands those that share.

import ArgumentParser
import Canonical
import ContentStore
import Foundation
import PipelineFile
import Reporting
import Workflow

struct CacheCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "cache", abstract: "Looks into the store, keeps it well, and shares it.",
    discussion: """
      Examples:
        bobbin cache stats
        bobbin cache gc --to 20G --dry-run
        bobbin cache check
      """,
    subcommands: [
      CacheStatsCommand.self, CacheGCCommand.self, CacheCheckCommand.self, CachePinCommand.self,
      CacheUnpinCommand.self, CachePinsCommand.self, PushCommand.self, PullCommand.self,
    ])
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
