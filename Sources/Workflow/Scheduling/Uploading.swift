// Owns the way of results to remotes: after they are published here, in batches, beside everything else. Nobody waits for
// it but the end of the run.

import Canonical
import ContentStore

/// What goes to one remote.
struct Outbox {
  let remote: GuardedRemote
  var waiting: [Parcel] = []
  /// How many are on their way, in how many batches.
  var underWay = 0
  var batches = 0
  /// How many didn't get there because the remote failed.
  var unpublished = 0

  /// A result.
  struct Parcel {
    var instance: Int
    var key: Digest
    var facts: JSON
  }

  /// So many go together at most; while a batch is under way, another isn't begun with fewer than `worthwhile`.
  static let most = 64
  static let worthwhile = 16
  static let mostBatches = 2

  var count: Int { waiting.count + underWay }

  /// The next batch, if one may go.
  mutating func next() -> [Parcel]? {
    guard !waiting.isEmpty, batches < Outbox.mostBatches, batches == 0 || waiting.count >= Outbox.worthwhile
    else { return nil }
    let batch = Array(waiting.prefix(Outbox.most))
    waiting.removeFirst(batch.count)
    underWay += batch.count
    batches += 1
    return batch
  }

  /// What waits can't go any more.
  mutating func giveUp() {
    unpublished += waiting.count
    waiting = []
  }
}

extension Scheduler {
  /// How many results are on their way, those counted once for each remote.
  var uploads: Int { outboxes.reduce(0) { $0 + $1.count } }

  /// Sends a result to the remotes.
  func upload(_ key: Digest, of i: Int, _ facts: JSON) {
    for n in outboxes.indices {
      outboxes[n].waiting.append(Outbox.Parcel(instance: i, key: key, facts: facts))
      send(n)
    }
  }

  private func send(_ n: Int) {
    let remote = outboxes[n].remote
    if remote.refusal != nil { return outboxes[n].giveUp() }
    while let batch = outboxes[n].next() {
      let keys = batch.map(\.key)
      beside(.uploading, waitingFor: remote) { [store] in
        Result { try store.push(keys, to: remote) }.mapError(StoreError.init(wrapping:))
      } giveUp: { [self] in
        end(batch, n, failed: batch.count)
      } then: { [self] result in
        switch result {
        case .success(let transfer): take(transfer, batch, n)
        case .failure(let error):
          problems.fault("\(counted(batch.count)) not published to \(remote): \(error)")
          end(batch, n, failed: 0)
        }
      }
    }
  }

  private func end(_ batch: [Outbox.Parcel], _ n: Int, failed: Int) {
    outboxes[n].underWay -= batch.count
    outboxes[n].batches -= 1
    outboxes[n].unpublished += failed
    send(n)
  }

  private func take(_ transfer: Transfer, _ batch: [Outbox.Parcel], _ n: Int) {
    let remote = outboxes[n].remote
    var failed = 0
    for parcel in batch {
      let name = graph.instances[parcel.instance].name
      if let theirs = transfer.others[parcel.key] {
        problems.warn(
          "\(remote) has another result of \(name); it stays there. "
            + otherBytes(parcel.instance, parcel.facts, theirs))
      }
      guard let error = transfer.failed[parcel.key] else { continue }
      guard error.isOfRemote else {
        problems.fault("\(name) was not published to \(remote): \(error)")
        continue
      }
      failed += 1
      // A remote that fails does so for each; once in full is enough. One that isn't there says so itself.
      if failed == 1, outboxes[n].unpublished == 0, !error.isAbsence {
        problems.fault("\(name) was not published to \(remote): \(error)")
      }
    }
    end(batch, n, failed: failed)
  }

  /// Waits for what is on its way, unless the run was interrupted; says what didn't get there.
  func endUploads() {
    if uploads > 0, stop != .interruption { observe.tell(.uploading(uploads)) }
    while uploads > 0, stop != .interruption {
      _ = wait()
      relayProblems()
    }
    for outbox in outboxes {
      let left = outbox.unpublished + outbox.count
      guard left > 0 else { continue }
      problems.fault(
        "\(counted(left)) not published to \(outbox.remote), but kept here; `cache push` publishes what is missing "
          + "there")
    }
  }

  private func counted(_ results: Int) -> String { results == 1 ? "1 result was" : "\(results) results were" }
}

extension StoreError {
  fileprivate var isAbsence: Bool { if case .remoteAbsent = self { true } else { false } }
}
