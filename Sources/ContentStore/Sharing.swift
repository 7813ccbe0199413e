// Owns taking from remotes: records first and blobs when somebody reads them, or both at once. Everything that arrives is
// bounded and verified before it is believed, since a remote may be damaged or hostile.

import Canonical
import Foundation
import GRDB
import Synchronization

/// What asking remotes for a key's record came to.
public struct RecordAnswer: Sendable {
  /// What the record says; nil where no remote has one.
  public var known: KnownOutputs?
  /// What went wrong on the way, remote by remote.
  public var problems: [(remote: String, error: StoreError)] = []

  public init(known: KnownOutputs? = nil, problems: [(remote: String, error: StoreError)] = []) {
    (self.known, self.problems) = (known, problems)
  }
}

extension Store {
  /// From now on missing blobs are looked for on these remotes, in this order. `warn` is told of damaged ones.
  public func attach(_ remotes: [any Remote], warn: @escaping @Sendable (String) -> Void) {
    attached.withLock { $0 = remotes.isEmpty ? nil : Attachment(remotes: remotes, warn: warn) }
  }

  public func attach(_ remote: any Remote, warn: @escaping @Sendable (String) -> Void) {
    attach([remote], warn: warn)
  }

  /// Gets a key's record from a remote, unless the store has one, and enters its blobs as known to be elsewhere.
  /// - Returns: the record; nil when the remote has none, or none that is believed (`refusals` tells).
  /// - Throws: `.record` when what the remote has is not this key's record, and `.newerRecord` for one of a later
  ///   version: either is as good as absent, but only the first is replaced by the next push.
  public func pullRecord(_ key: Digest, from remote: any Remote) throws -> Record? {
    if let record = try record(for: key) { return record }
    var found: Record?
    let problems = try receive([key], from: [remote]) { _, record in found = record }
    if let (_, error) = problems[0].first { throw error }
    return isReadOnly ? found : try record(for: key)
  }

  /// Gets many keys' records from remotes, asked in order, each for what those before it don't have; many in a call.
  /// - Throws: errors of this store. What is wrong with one record or one remote is in the answers.
  public func pullRecords(_ keys: [Digest], from remotes: [any Remote]) throws -> [RecordAnswer] {
    var answers = [RecordAnswer](repeating: RecordAnswer(), count: keys.count)
    let here = try outputs(for: keys)
    for (i, key) in keys.enumerated() { answers[i].known = here[key] }
    let asked = keys.indices.filter { answers[$0].known == nil }
    let problems = try receive(asked.map { keys[$0] }, from: remotes) { n, record in
      answers[asked[n]].known = KnownOutputs(record)
    }
    for (n, i) in asked.enumerated() { answers[i].problems = problems[n] }
    return answers
  }

  /// Records that have arrived are entered when they come to so many bytes.
  private static let mostBytes = 8 << 20

  /// Gets the records of keys that aren't here; returns for each of these what went wrong.
  /// - Parameter each: told of every record that is there, with its key's position.
  private func receive(
    _ keys: [Digest], from remotes: [any Remote], each: (_ position: Int, Record) -> Void
  ) throws -> [[(remote: String, error: StoreError)]] {
    var problems = [[(remote: String, error: StoreError)]](repeating: [], count: keys.count)
    var missing = Array(keys.indices)
    var arrived: [ReceivedRecord] = []
    var bytes = 0
    func keep() throws {
      if !isReadOnly, !arrived.isEmpty {
        try enter(arrived)
      }
      (arrived, bytes) = ([], 0)
    }
    for remote in remotes where !missing.isEmpty {
      var found = Set<Int>()
      try remote.records(missing.map { keys[$0] }, limit: SignedText.longest) { n, result in
        let i = missing[n]
        do {
          guard let text = try result.get() else { return }
          // Whoever asks for all that a remote has gets the lists of packs too.
          if PackList.isOne(text) { return }
          guard let received = try self.received(text, for: keys[i], from: remote) else { return }
          found.insert(i)
          each(i, received.record)
          arrived.append(received)
          bytes += text.count
        } catch {
          guard let error = error as? StoreError, error.concern != .space, error.concern != .store else {
            throw error
          }
          if error.isWrong { noteWrong(keys[i], on: remote) }
          problems[i].append(("\(remote)", error))
        }
        if bytes >= Store.mostBytes { try keep() }
      }
      missing.removeAll { found.contains($0) }
    }
    try keep()
    return problems
  }

  /// Gets a blob's bytes from the attached remotes, verifies them and keeps them. nil when they can't be had: then
  /// nobody is told again that they can.
  /// - Throws: `.remote`, `.remoteAbsent` when a remote failed, so that it isn't known.
  func fetch(_ form: StoredBlob) throws -> (StoredBlob, Place)? {
    guard let attachment = attached.withLock({ $0 }) else { return nil }
    let fetched = try fetch([form], listedBy: [], attachment)
    if let found = fetched.found[form.digest] { return found }
    if let fault = fetched.fault { throw fault }
    return nil
  }

  /// Copies records from remotes, and their blobs at once instead of when they are read.
  /// - Parameter keys: nil for all that the remotes have.
  /// - Throws: errors of this store, and what `onTraffic` throws.
  public func pull(_ keys: [Digest]?, from remotes: [any Remote]) throws -> Transfer {
    let name = remotes.map { "\($0)" }.joined(separator: ", ")
    let listed = try keys == nil ? remotes.flatMap { try self.keys(of: $0) } : []
    var transfer = Transfer()
    var seen = Set<Digest>()
    let wanted = (keys ?? listed).filter { seen.insert($0).inserted }
    for start in stride(from: 0, to: wanted.count, by: 256) {
      let batch = Array(wanted[start..<min(start + 256, wanted.count)])
      try pull(batch, isListed: keys == nil, from: remotes, name, &transfer)
    }
    return transfer
  }

  public func pull(_ keys: [Digest]?, from remote: any Remote) throws -> Transfer {
    try pull(keys, from: [remote])
  }

  private func keys(of remote: any Remote) throws -> [Digest] {
    guard let keys = try remote.keys() else {
      throw StoreError.remote(
        name: "\(remote)", reason: "this sort of remote can't list its keys; name a file")
    }
    return keys
  }

  private func pull(
    _ keys: [Digest], isListed: Bool, from remotes: [any Remote], _ name: String, _ transfer: inout Transfer
  ) throws {
    let known = Set(try outputs(for: keys).keys)
    let asked = keys.filter { !known.contains($0) }
    var bytes: [Digest: Int] = [:]
    let problems = try receive(asked, from: remotes) { n, record in bytes[asked[n]] = record.text.utf8.count }
    for (key, itsProblems) in zip(asked, problems) where bytes[key] == nil {
      if let (_, error) = itsProblems.first {
        if error.isOfRemote { transfer.fault = transfer.fault ?? error }
        transfer.problems.append("record \(key): \(error)")
      } else if !isListed {
        transfer.problems.append(refusals(of: [key])[key] ?? "\(name) has no record of \(key)")
      }
    }
    transfer.records += bytes.count
    transfer.bytes += bytes.values.reduce(0, +)
    transfer.skipped += known.count

    var records: [Record] = []
    for key in keys { if let record = try record(for: key) { records.append(record) } }
    let attachment = Attachment(
      remotes: remotes, warn: attached.withLock({ $0 })?.warn ?? { _ in })
    // Manifests first: what they list tells which packs there are.
    var manifests: [Digest] = []
    var level = Set(
      records.flatMap { $0.artifacts.values.filter { $0.form == .manifest }.map(\.digest) })
    var fetched = Fetched()
    func fetch(_ digests: [Digest]) throws {
      let more = try self.fetch(digests, listedBy: manifests, attachment)
      fetched.found.merge(more.found) { $1 }
      fetched.damaged.merge(more.damaged) { $1 }
      fetched.fault = fetched.fault ?? more.fault
    }
    let own = Set(records.flatMap { $0.blobs.map(\.digest) })
    while !level.isEmpty, manifests.count < Manifest.mostEntries {
      let digests = level.intersection(own).sorted()
      try fetch(digests)
      let entries = try members(of: digests)
      manifests += entries.keys.sorted()
      let done = Set(manifests)
      level = Set(
        entries.values.flatMap { $0.values.filter { $0.form == .manifest }.map(\.digest) }
      ).subtracting(done)
    }
    var told = Set<Digest>()
    let all = records.flatMap(\.blobs).filter { told.insert($0.digest).inserted }
    let absent = try self.absent(all.map(\.digest)).digests
    try fetch(absent.sorted())
    for record in records {
      for blob in record.blobs where told.remove(blob.digest) != nil {
        if fetched.found[blob.digest] != nil {
          transfer.blobs += 1
          transfer.bytes += blob.storedSize
        } else if !absent.contains(blob.digest) {
          transfer.skipped += 1
        } else if let reason = fetched.damaged[blob.digest] {
          transfer.problems.append("a blob of record \(record.key): \(reason)")
        } else if let fault = fetched.fault {
          transfer.fault = transfer.fault ?? fault
          transfer.failed[record.key] = fault
        } else {
          transfer.problems.append("\(name) has no blob \(blob.digest) of record \(record.key)")
        }
      }
    }
  }
}

extension StoreError {
  /// Whether it says of a remote's record that it is none, so that a push may replace it.
  fileprivate var isWrong: Bool {
    switch self {
    case .record, .unreadable: true
    default: false
    }
  }
}
