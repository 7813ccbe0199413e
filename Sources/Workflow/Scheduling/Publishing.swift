// Owns what happens when a job has succeeded: its record, here and on the remote, and what its artifacts mean for
// those that wait. Blobs come before records, records before anybody learns of them.

import Canonical
import ContentStore
import Foundation

extension Run {
  func finish(
    _ i: Int, _ job: RunningJob, _ artifacts: [String: Artifact], _ written: [WrittenBlob], _ facts: JSON,
    seconds: Double
  ) throws {
    let name = graph.instances[i].name
    var artifacts = artifacts
    do {
      let code = try codeBlob(i)
      let all = written + [code]
      let record = Record(
        action: job.action.json, artifacts: artifacts, blobs: all.map(\.form),
        facts: self.facts(facts, job, seconds: seconds))
      var replacing = job.isRebuild
      if case .outputUndeclared = reasons[i] { replacing = true }
      switch try store.publish(record, blobs: all, replacing: replacing) {
      case .published, .alreadyThere: break
      case .conflict(let existing)
      where graph.instances[i].outputs.contains { existing.artifacts[$0.name] == nil }:
        _ = try store.publish(record, blobs: all, replacing: true)
      case .conflict(let existing):
        warn(
          "\(name) gave other bytes than a record that another run published meanwhile; the first stays. "
            + "Stage '\(graph.instances[i].stage)' isn't reproducible")
        artifacts = existing.artifacts
      }
    } catch let error as StoreError {
      return failPublishing(i, "\(error)", seconds: seconds)
    }
    publishRemotely(job.action.key, name)
    if resolution.isOutdated(i) {
      // What it read was given up while it ran. The record holds, for another key than this instance's now.
      release(i, job.action.key)
      resolution.recheck(i)
      return
    }
    if job.isRebuild { return rebuilt(i, artifacts, seconds: seconds) }
    for j in [i] + takeFollowers(of: i) {
      settle(j, artifacts, seconds: seconds)
      if j != i {
        reports[j]!.sharedWith = name
        copyLog(from: i, to: j)
      }
      observe(.finished(reports[j]!))
    }
    leaders[job.action.key] = nil
  }

  /// The store didn't take a result. It won't take another, so nothing new starts.
  func failPublishing(_ i: Int, _ message: String, seconds: Double) {
    storeProblems.append("\(graph.instances[i].name): \(message)")
    isStopping = true
    fail(i, "its result could not be published: \(message)", seconds: seconds)
  }

  func settle(_ i: Int, _ artifacts: [String: Artifact], seconds: Double) {
    phases[i] = .done
    resolution.settle(i, artifacts)
    reports[i] = report(i, .executed, seconds: seconds)
  }

  /// Those that waited for `i` to run for them too are on their own again.
  func release(_ i: Int, _ key: Digest) {
    if leaders[key] == i { leaders[key] = nil }
    for j in takeFollowers(of: i) {
      phases[j] = .waiting
      resolution.recheck(j)
    }
  }

  /// The code manifest as a blob, so that a later run can say which file changed.
  private func codeBlob(_ i: Int) throws -> WrittenBlob {
    let manifest = keys.code(i)
    let digest = manifest.digest
    if let known = codeBlobs[digest] { return known }
    let blob = try BlobWriter(store: store.directory).write(bytes: manifest.text.utf8)
    codeBlobs[digest] = blob
    return blob
  }

  private func facts(_ facts: JSON, _ job: RunningJob, seconds: Double) -> JSON {
    var members = facts.objectValue ?? [:]
    members["time"] = .string(job.started.formatted(.iso8601))
    members["seconds"] = .number((seconds * 1000).rounded() / 1000)
    return .object(members)
  }

  private func publishRemotely(_ key: Digest, _ name: String) {
    guard let remote = options.remote else { return }
    do {
      let transfer = try store.push([key], to: remote)
      for problem in transfer.problems { fault("\(name) was not published to \(remote): \(problem)") }
      if transfer.records == 0, transfer.problems.isEmpty,
        let theirs = try remote.record(key, limit: Record.longest),
        let theirs = try? Record(parsing: theirs), let ours = try store.record(for: key),
        theirs.artifacts != ours.artifacts
      {
        warn("\(remote) has another result of \(name); it stays there. The stage isn't reproducible")
      }
    } catch {
      unpublished += 1
      let message = "\(name) was not published to \(remote): \(error)"
      // A remote that is away fails for each instance; once in full is enough.
      if unpublished == 1 {
        fault(message + ". It is kept here; `cache push` publishes it later")
      } else {
        storeProblems.append(message)
      }
    }
  }

  private func copyLog(from leader: Int, to follower: Int) {
    let log = graph.log(of: graph.instances[leader].name, in: store.directory)
    let copy = graph.log(of: graph.instances[follower].name, in: store.directory)
    // A log is for reading only; without it nothing is wrong.
    try? FileManager.default.removeItem(at: copy)
    try? FileManager.default.copyItem(at: log, to: copy)
  }
}
