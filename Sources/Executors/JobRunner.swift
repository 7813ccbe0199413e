// Owns one job in a worker: its members' folders, the kind's work, the outputs' way into the store, the facts.

import Canonical
import CProcess
import ContentStore
import Foundation
import Processes
import Workflow

/// Runs jobs one after another, on the computing thread.
struct JobRunner {
  let catalogue: KindCatalogue
  let facts: [String: JSON]
  let scratch: ScratchSpace
  let threads: GrantedThreads

  /// Runs a job and says what becomes of each member. Whatever goes wrong is a member's result, and stands in its log.
  func run(_ job: Job, tell: @escaping @Sendable (WorkerMessage) -> Void) {
    let logs = JobLogs(job)
    defer { logs.close() }
    threads.begin(job.id, job.threads)
    defer { threads.end() }
    var meter = Meter(members: job.members.count)
    ProcessMemory.forgetPeak()
    for member in job.members { tell(.started(instance: member.instance)) }
    var folder: URL?

    func end(
      _ i: Int, _ result: () throws -> (artifacts: [String: Artifact], blobs: [WrittenBlob], usage: Usage)
    ) {
      let secrecy = Secrecy([job.members[i]])
      do {
        let (artifacts, blobs, usage) = try result()
        let share = meter.end(i)
        logs.flush()
        secrecy.clean(log: job.members[i].log)
        let facts = facts(share, usage, logProblem: logs.problem, members: job.members.count)
        tell(
          .finished(
            instance: job.members[i].instance, .success(artifacts: artifacts, blobs: blobs, facts: facts),
            seconds: share.seconds))
      } catch {
        var failure = failure(error, in: folder)
        failure.message = secrecy.hidden(failure.message)
        // Lines that a message quotes from the log are there already.
        let own = failure.message.split(separator: "\n").filter { !$0.hasPrefix("  | ") }
        logs.add("bobbin: \(own.joined(separator: "\n"))", to: i)
        secrecy.clean(log: job.members[i].log)
        if let problem = logs.problem { failure.message += "\n\(problem)" }
        tell(
          .finished(instance: job.members[i].instance, .failure(failure), seconds: meter.end(i).seconds))
      }
      logs.end(i)
    }

    var work: [(position: Int, member: PreparedMember)] = []
    let kind = job.members[0].action.json["kind"]?.stringValue.flatMap { catalogue[$0] }
    do {
      guard let kind else {
        throw ProtocolError(
          "this worker knows no kind \(job.members[0].action.json["kind"]?.canonical ?? "")")
      }
      let made = try scratch.makeFolder(in: job.store, for: kind)
      folder = made
      let files = InputFiles(job.files)
      for i in job.members.indices {
        do {
          work.append(
            (
              i,
              try PreparedMember(
                job, i, in: made, files: files, catalogue: catalogue, threads: threads, tell: tell)
            ))
        } catch {
          end(i) { throw error }
        }
      }
      let prepared = work
      func pass(to turn: Int?) {
        logs.pass(to: turn)
        meter.pass(to: turn)
      }
      kind.run(prepared.map(\.member.work), turn: { turn in pass(to: turn.map { prepared[$0].position }) }) {
        n, result in
        let (i, member) = prepared[n]
        member.reports.end()
        // What a command left running may still write to its outputs.
        _ = bobbin_end_descendants(0)
        end(i) {
          try result.get()
          let (artifacts, blobs) = try member.ingest(with: job.writer)
          return (artifacts, blobs, member.usage)
        }
        if job.members.count > 1 { scratch.removeFolder(member.folder) }
      }
    } catch {
      for i in job.members.indices { end(i) { throw error } }
    }
    let isQuiet = bobbin_end_descendants(0) == 0
    guard let kind, let folder else { return }
    // What can't be ended may go on writing where it was.
    if isQuiet { scratch.takeBack(folder, in: job.store, from: kind) } else { scratch.removeFolder(folder) }
  }

  /// What goes into a record's facts.
  private func facts(_ share: Meter.Share, _ usage: Usage, logProblem: String?, members: Int) -> JSON {
    var facts = facts
    facts["cpuSeconds"] = .number(rounded(usage.command?.cpuSeconds ?? share.cpuSeconds))
    let peak = usage.command.map(\.peakMemory) ?? ProcessMemory.peak
    if let peak { facts["peakMemory"] = .integer(peak) }
    if members > 1 { facts["jobMembers"] = .integer(members) }
    if let logProblem { facts["logProblem"] = .string(logProblem) }
    if let opened = usage.opened { facts["opened"] = opened.json }
    facts["started"] = .string(usage.started.timestamp)
    return .object(facts)
  }

  private func rounded(_ seconds: Double) -> Double { (seconds * 1000).rounded() / 1000 }

  /// An error as a failure. Whatever a full disk did to the work, it is the store's.
  private func failure(_ error: any Error, in folder: URL?) -> Failure {
    let failure = error as? Failure ?? Failure(cause(of: error), describe(error))
    guard failure.cause != .store, let folder, scratch.isFull(folder) else { return failure }
    return Failure(
      .store,
      "\(failure.message)\nThere is no room left on the disk of \(folder.path). Free some space and run again"
    )
  }
}

private func cause(of error: any Error) -> Failure.Cause {
  switch error {
  case StoreError.full, StoreError.cannotWrite: .store
  case is InputError: .input
  case let error as CocoaError where error.code == .fileWriteOutOfSpace: .store
  case let error as POSIXError where error.code == .ENOSPC || error.code == .EDQUOT: .store
  default: .other
  }
}

/// An error as people read it. Foundation's say where only on request.
private func describe(_ error: any Error) -> String {
  guard let error = error as? CocoaError else { return "\(error)" }
  let path = error.filePath.map { "\($0): " } ?? ""
  return path + error.localizedDescription
}
