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
        bobbin cache serve --port 8417
      """,
    subcommands: [
      CacheStatsCommand.self, CacheGCCommand.self, CacheCheckCommand.self, CachePinCommand.self,
      CacheUnpinCommand.self, CachePinsCommand.self, PushCommand.self, PullCommand.self,
      ServeCommand.self,
    ])
}

struct PushCommand: ProgramCommand {
  static let configuration = CommandConfiguration(
    commandName: "push",
    abstract:
      "Copies results to the remotes: those of a pipeline, or of the named instances, that are up to date.",
    discussion: """
      What instances are made from goes with them: without it nobody else knows that they are up to date. Remotes that \
      are read-only are left out.

      Examples:
        bobbin cache push pipelines/quickstart.yaml --remote /mnt/team/bobbin
        bobbin cache push pipelines/quickstart.yaml 'model[seed=1]' --remote lab
      """)

  @OptionGroup var options: PipelineOptions
  @Argument(help: "Instances, such as 'model[seed=1]' or 'scores'. Default: all.") var instances: [String] =
    []

  func run(in program: Program) throws {
    let opened = try options.openWithRemotes(in: program)
    let remotes = opened.remotes.filter { !$0.isReadOnly }
    guard !remotes.isEmpty else {
      throw CommandFailure("all remotes are read-only; name another: --remote", status: 2)
    }
    let plan = try opened.plan(try opened.targets(instances), in: program, asking: [])
    let keys = plan.entries.filter { $0.artifacts != nil }.compactMap(\.key)
    try Interruption.listen()
    // What another remote alone has goes by way of here.
    opened.store.attach(opened.remotes) { StandardError.write(legible(lines: "warning: \($0)\n")) }
    var problems: [String] = []
    for remote in remotes {
      let guarded = GuardedRemote(remote) { ProcessInfo.processInfo.systemUptime }
      let transfer = try opened.showingTraffic("pushing") { try opened.store.push(keys, to: guarded) }
      try say(transfer, "pushed to \(remote)")
      let names = Dictionary(
        plan.entries.compactMap { entry in entry.key.map { ($0, opened.graph.instances[entry.instance].name) }
        }
      ) { first, _ in first }
      for key in transfer.others.keys.sorted() {
        StandardError.write(
          legible(lines: "warning: \(remote) has another result of \(names[key]!); it stays there\n"))
      }
      problems += transfer.problems + (transfer.fault.map { ["\($0)"] } ?? [])
    }
    try refuse(problems)
  }
}

struct PullCommand: ProgramCommand {
  static let configuration = CommandConfiguration(
    commandName: "pull",
    abstract: "Copies results of a pipeline, or of the named instances, from the remotes, bytes included.",
    discussion: """
      Of what named instances are made from, the records come alone.

      Examples:
        bobbin cache pull pipelines/quickstart.yaml --remote /mnt/team/bobbin
        bobbin cache pull pipelines/quickstart.yaml 'model[seed=1]' --remote lab
      """)

  @OptionGroup var options: PipelineOptions
  @Argument(help: "Instances, such as 'model[seed=1]' or 'scores'. Default: all.") var instances: [String] =
    []

  func run(in program: Program) throws {
    let opened = try options.openWithRemotes(in: program)
    let before = try opened.store.stats().records
    let targets = try opened.targets(instances)
    let remotes = opened.remotes.map { GuardedRemote($0) { ProcessInfo.processInfo.systemUptime } }
    // Records come with the plan: keys downstream are made of what they say.
    let plan = try opened.plan(targets, in: program, asking: remotes)
    let wanted = targets.map(Set.init)
    let keys = plan.entries.filter { $0.artifacts != nil && wanted?.contains($0.instance) ?? true }
      .compactMap(\.key)
    try Interruption.listen()
    opened.store.attach(remotes) { StandardError.write(legible(lines: "warning: \($0)\n")) }
    var transfer = try opened.showingTraffic("pulling") { try opened.store.pull(keys, from: remotes) }
    transfer.records = try opened.store.stats().records - before
    opened.explainRefusals(
      of: plan.entries.compactMap { entry in
        entry.key.map { (opened.graph.instances[entry.instance].name, $0) }
      })
    try say(transfer, "pulled from \(opened.remotes.map { "\($0)" }.joined(separator: ", "))")
    try refuse(transfer.problems + (transfer.fault.map { ["\($0)"] } ?? []) + plan.remoteProblems)
  }
}

private func say(_ transfer: Transfer, _ what: String) throws {
  try StandardOutput.write(
    "\(what): \(counted(transfer.records, "record")), \(counted(transfer.blobs, "blob")), "
      + "\(humanBytes(transfer.bytes))"
      + (transfer.skipped > 0
        ? "; \(transfer.skipped) \(transfer.skipped == 1 ? "was" : "were") there already" : "")
      + "\n")
}

extension PipelineOptions {
  fileprivate func openWithRemotes(in program: Program) throws -> OpenPipeline {
    let opened = try open(in: program)
    if opened.remotes.isEmpty {
      if let (absence, _) = opened.absences.first { throw absence }
      throw CommandFailure(
        "there is no remote: give --remote, or write `remote:` in \(file) or `remotes:` in bobbin.yaml",
        status: 2)
    }
    opened.warnOfAbsence()
    return opened
  }
}

extension OpenPipeline {
  /// Does something that moves bytes from or to remotes; says how far that is, and breaks it off when somebody
  /// interrupts.
  func showingTraffic<T>(_ what: String, _ body: () throws -> T) throws -> T {
    let display = ByteDisplay(what)
    let before = store.traffic
    store.onTraffic { traffic in
      if Interruption.happened { throw CommandFailure("interrupted; what had arrived is kept", status: 130) }
      display.show(
        traffic.fetched + traffic.sent - before.fetched - before.sent,
        of: traffic.toFetch + traffic.toSend - before.toFetch - before.toSend)
    }
    defer {
      store.onTraffic(nil)
      display.end()
    }
    return try body()
  }
}
