// Owns copying records to a remote with the blobs they list, many in a call: what is there is found out first, blobs go
// before records, and many small ones that one manifest lists in packs.

import Canonical
import Foundation
import GRDB

extension Store {
  /// Copies records with the blobs they list to a remote, blobs first. What can't be had here is reported among the
  /// problems, and its record isn't sent. What the remote fails at is in `failed`, and the first of it in `fault`. A
  /// record that says something else stays there, and is reported; so does one of a later version.
  /// - Throws: errors of this store, and what `onTraffic` throws.
  public func push(_ keys: [Digest], to remote: any Remote) throws -> Transfer {
    let push = Push(self, remote)
    for start in stride(from: 0, to: keys.count, by: Push.most) {
      try push.send(Array(keys[start..<min(start + Push.most, keys.count)]))
    }
    return push.transfer
  }
}

/// Records on their way to a remote. One thread uses it.
private final class Push {
  private let store: Store
  private let remote: any Remote
  private(set) var transfer = Transfer()
  /// Stored digests of what the remote has: what several records list is there as soon as the first of them is.
  private var there = Set<Digest>()
  /// What the remote has of a content in another form than records say.
  private var others: [Digest: StoredBlob] = [:]
  /// Why contents aren't there.
  private var lost: [Digest: String] = [:]
  private var refused: [Digest: StoreError] = [:]
  /// Bytes that went since they were last counted.
  private var sent = 0

  /// So many records are looked at together.
  static let most = 256
  /// So many blobs are sent in one call.
  private static let mostBlobs = 1000

  init(_ store: Store, _ remote: any Remote) { (self.store, self.remote) = (store, remote) }

  /// A record that goes, and what stands in its place.
  private struct Outgoing {
    var record: Record
    var isReplacing = false
    /// What the record there lists, if it says the same.
    var theirs: [StoredBlob]?
    /// That record with the signatures that it lacks.
    var completed: SignedText?
  }

  func send(_ keys: [Digest]) throws {
    var outgoing: [Outgoing] = []
    for key in keys {
      if let record = try store.record(for: key) {
        outgoing.append(Outgoing(record: record, isReplacing: store.isWrong(key, on: remote)))
      } else {
        fail(key, .record(reason: "there is none"), problem: "no record of \(key)")
      }
    }
    try meet(&outgoing)
    var blobs: [Digest: StoredBlob] = [:]
    for blob in outgoing.flatMap(\.record.blobs) where !there.contains(blob.storedDigest) {
      blobs[blob.storedDigest] = blob
    }
    let lists = try coveredByPacks(&blobs, of: outgoing.map(\.record))
    try removePresent(&blobs)
    if !blobs.isEmpty {
      let bytes = blobs.values.reduce(0) { $0 + $1.storedSize }
      sent = 0
      try store.count { $0.toSend += bytes }
      // What turned out not to go is expected no more.
      defer { try? store.count { $0.toSend += sent - bytes } }
      try sendPacks(&blobs, of: outgoing.map(\.record), lists)
      try sendAlone(blobs.values.sorted { $0.storedDigest < $1.storedDigest })
    }
    try sendRecords(outgoing)
  }

  private func fail(_ key: Digest, _ reason: StoreError, problem: String? = nil) {
    transfer.failed[key] = reason
    if let problem { transfer.problems.append(problem) }
  }

  /// Notes that the remote failed; other errors are this store's.
  private func takeFault(_ error: any Error) throws -> StoreError {
    guard let error = error as? StoreError, error.isOfRemote || error.concern == .item else { throw error }
    transfer.fault = transfer.fault ?? error
    return error
  }

  // What is there.

  /// Finds out what the remote has in the place of the records; those that stay away are taken out.
  private func meet(_ outgoing: inout [Outgoing]) throws {
    var staying = Set<Digest>()
    let records = outgoing.map(\.record)
    try remote.records(records.map(\.key), limit: SignedText.longest) { i, result in
      let key = records[i].key
      switch result {
      case .success(nil): break
      case .success(let text?):
        switch try store.meet(text, records[i]) {
        case .same(let blobs, let completed):
          (outgoing[i].theirs, outgoing[i].completed) = (blobs, completed)
        case .wrong: outgoing[i].isReplacing = true
        case .other(let facts):
          staying.insert(key)
          transfer.others[key] = facts
          transfer.skipped += 1
        }
      case .failure(StoreError.record), .failure(StoreError.unreadable): outgoing[i].isReplacing = true
      case .failure(let error):
        staying.insert(key)
        fail(key, try takeFault(error))
      }
    }
    outgoing.removeAll { staying.contains($0.record.key) }
  }

  /// Takes out what is in packs on the remote; returns where lists of packs are missing, or can be replaced.
  private func coveredByPacks(_ blobs: inout [Digest: StoredBlob], of records: [Record]) throws -> [Digest:
    Bool]
  {
    let manifests = try packable(blobs, of: records)
    guard !manifests.isEmpty else { return [:] }
    var lists: [Digest: Bool] = Dictionary(uniqueKeysWithValues: manifests.keys.map { ($0, true) })
    var packs: [PackList.Pack] = []
    for (manifest, list) in try store.packLists(of: manifests.keys.sorted(), on: remote, { _ in }) {
      if store.isWrong(PackList.key(of: manifest), on: remote) { continue }
      lists[manifest] = false
      packs += list.packs.filter { pack in pack.members.contains { blobs[$0.stored] != nil } }
    }
    var present = Set<Digest>()
    try remote.hasBlobs(packs.map { ($0.stored, $0.size) }) { i, result in
      if (try? result.get()) == true, !store.isWrong(packs[i].stored, on: remote) {
        present.insert(packs[i].stored)
      }
    }
    for pack in packs where present.contains(pack.stored) {
      for member in pack.members where !store.isWrong(member.stored, on: remote) {
        guard let blob = blobs[member.stored], blob.storedSize == member.size else { continue }
        blobs[member.stored] = nil
        there.insert(member.stored)
        transfer.skipped += 1
      }
    }
    return lists
  }

  /// The manifests of these records that list more than a few of these blobs that are small, with those.
  private func packable(_ blobs: [Digest: StoredBlob], of records: [Record]) throws -> [Digest: [StoredBlob]]
  {
    var small: [Digest: StoredBlob] = [:]
    for blob in blobs.values where blob.storedSize < PackList.small { small[blob.digest] = blob }
    guard small.count > PackList.few else { return [:] }
    var found: [Digest: [StoredBlob]] = [:]
    var level = Set(records.flatMap { $0.artifacts.values.filter { $0.form == .manifest }.map(\.digest) })
    var seen = Set<Digest>()
    while !level.isEmpty, seen.count < Manifest.mostEntries {
      seen.formUnion(level)
      let members = try store.members(of: level.sorted())
      level = []
      for (manifest, entries) in members {
        let its = Set(entries.values.map(\.digest)).compactMap { small[$0] }
        if its.count > PackList.few { found[manifest] = its.sorted { $0.digest < $1.digest } }
        level.formUnion(entries.values.lazy.filter { $0.form == .manifest }.map(\.digest))
      }
      level.subtract(seen)
    }
    return found
  }

  /// Takes out what the remote has.
  private func removePresent(_ blobs: inout [Digest: StoredBlob]) throws {
    let asked = blobs.values.filter { !store.isWrong($0.storedDigest, on: remote) }
    for start in stride(from: 0, to: asked.count, by: Push.mostBlobs) {
      let batch = Array(asked[start..<min(start + Push.mostBlobs, asked.count)])
      try remote.hasBlobs(batch.map { ($0.storedDigest, $0.storedSize) }) { i, result in
        switch result {
        case .success(false): break
        case .success(true):
          there.insert(batch[i].storedDigest)
          blobs[batch[i].storedDigest] = nil
          transfer.skipped += 1
        case .failure(let error):
          refused[batch[i].digest] = try takeFault(error)
          blobs[batch[i].storedDigest] = nil
        }
      }
    }
  }

  // What goes.

  /// Sends small blobs in packs where there is no list of packs yet, or one that is wrong.
  private func sendPacks(
    _ blobs: inout [Digest: StoredBlob], of records: [Record], _ lists: [Digest: Bool]
  ) throws {
    for (manifest, members) in try packable(blobs, of: records).sorted(by: { $0.key < $1.key }) {
      // One that was packed with an earlier manifest is there.
      let lacking = members.filter { blobs[$0.storedDigest] != nil }
      guard lists[manifest] ?? true, lacking.count > PackList.few else { continue }
      var packs: [PackList.Pack] = []
      var bytes: [UInt8] = []
      var listed: [PackList.Member] = []
      func close() throws {
        guard !listed.isEmpty else { return }
        let pack = PackList.Pack(stored: .of(bytes), size: bytes.count, members: listed)
        try remote.putBlob(pack.stored, size: pack.size, from: counting(source(of: bytes)))
        packs.append(pack)
        (bytes, listed) = ([], [])
        bytes.reserveCapacity(PackList.full)
      }
      do {
        for blob in lacking {
          // What isn't whole, or empty, goes alone, or is told of there.
          guard blob.storedSize > 0, let its = try stored(blob) else { continue }
          listed.append(.init(stored: blob.storedDigest, offset: bytes.count, size: its.count))
          bytes += its
          if bytes.count >= PackList.full { try close() }
        }
        try close()
        let list = PackList(packs)
        guard !packs.isEmpty, list.text.utf8.count <= PackList.longest else { continue }
        _ = try remote.putRecord(Array(list.text.utf8), for: PackList.key(of: manifest), replacing: true)
        store.noteRight(PackList.key(of: manifest), on: remote)
      } catch {
        let error = try takeFault(error)
        for blob in lacking {
          refused[blob.digest] = error
          blobs[blob.storedDigest] = nil
        }
        continue
      }
      for member in packs.flatMap(\.members) {
        blobs[member.stored] = nil
        there.insert(member.stored)
        store.noteRight(member.stored, on: remote)
        transfer.blobs += 1
        transfer.bytes += member.size
      }
    }
  }

  /// A small blob's stored bytes, if they are here in this form and whole.
  private func stored(_ blob: StoredBlob) throws -> [UInt8]? {
    guard let (_, place) = try place(of: blob) else { return nil }
    do { return try Departure(blob, place, of: store).all() } catch is Undecodable { return nil }
  }

  private func place(of blob: StoredBlob) throws -> (StoredBlob, Place)? {
    try store.reading { try Store.rows(of: blob.digest, $0) }
      .first { $0.0 == blob && $0.1 != .elsewhere }
  }

  private func counting(_ source: @escaping ByteSource) -> ByteSource {
    { [self] buffer in
      let n = try source(buffer)
      sent += n
      try store.count { $0.sent += n }
      return n
    }
  }

  /// Sends blobs one by one, in a few calls.
  private func sendAlone(_ blobs: [StoredBlob]) throws {
    var departures: [Departure] = []
    var otherwise: [StoredBlob] = []
    for blob in blobs {
      if let (form, place) = try place(of: blob) {
        departures.append(Departure(form, place, of: store))
      } else {
        otherwise.append(blob)
      }
    }
    for start in stride(from: 0, to: departures.count, by: Push.mostBlobs) {
      let batch = Array(departures[start..<min(start + Push.mostBlobs, departures.count)])
      let offers = batch.map {
        BlobOffer($0.form.storedDigest, size: $0.form.storedSize, from: counting($0.give))
      }
      try remote.putBlobs(offers) { i, result in
        let (form, place) = (batch[i].form, batch[i].place)
        batch[i].close()
        switch result {
        case .success: hasSent(form)
        case .failure(let problem as Undecodable):
          try store.drop(form, place, problem)
          lost[form.digest] = problem.reason
          otherwise.append(form)
        case .failure(let error): refused[form.digest] = try takeFault(error)
        }
      }
    }
    for blob in otherwise { try sendOtherwise(blob) }
  }

  private func hasSent(_ form: StoredBlob) {
    there.insert(form.storedDigest)
    store.noteRight(form.storedDigest, on: remote)
    transfer.blobs += 1
    transfer.bytes += form.storedSize
  }

  /// Sends a blob that can't be had in the form that its record says: in another form that is here, from its opened
  /// copy, or by way of the attached remotes.
  private func sendOtherwise(_ blob: StoredBlob) throws {
    var problem = lost.removeValue(forKey: blob.digest) ?? "it isn't in the store"
    func send(_ form: StoredBlob, _ place: Place) throws -> Bool {
      if form != blob {
        others[blob.digest] = form
        if !store.isWrong(form.storedDigest, on: remote),
          try remote.hasBlob(form.storedDigest, size: form.storedSize)
        {
          there.formUnion([form.storedDigest, blob.storedDigest])
          transfer.skipped += 1
          return true
        }
      }
      let departure = Departure(form, place, of: store)
      do {
        try remote.putBlob(form.storedDigest, size: form.storedSize, from: counting(departure.give))
      } catch let undecodable as Undecodable {
        try store.drop(form, place, undecodable)
        problem = undecodable.reason
        others[blob.digest] = nil
        return false
      }
      hasSent(form)
      there.insert(blob.storedDigest)
      return true
    }
    do {
      let forms = try store.reading { try Store.rows(of: blob.digest, $0) }
      for (form, place) in forms where form != blob && place != .elsewhere {
        if try send(form, place) { return }
      }
      if let size = forms.first?.0.size, let (form, place) = try store.restored(blob.digest, size: size),
        try send(form, place)
      {
        return
      }
      for (form, _) in forms {
        if let (form, place) = try store.fetch(form), try send(form, place) { return }
        problem += ", nor on the attached remote"
      }
      lost[blob.digest] = problem
    } catch { refused[blob.digest] = try takeFault(error) }
  }

  private func sendRecords(_ outgoing: [Outgoing]) throws {
    var ready: [(key: Digest, text: [UInt8], isReplacing: Bool)] = []
    for var its in outgoing {
      let key = its.record.key
      if let blob = its.record.blobs.first(where: { lost[$0.digest] != nil }) {
        let reason = lost[blob.digest]!
        fail(
          key, .damaged(blob.digest, reason: reason),
          problem: "record \(key): blob \(blob.digest): \(reason)")
        continue
      }
      if let fault = its.record.blobs.lazy.compactMap({ self.refused[$0.digest] }).first {
        fail(key, fault)
        continue
      }
      var forms: [Digest: StoredBlob] = [:]
      for blob in its.record.blobs { forms[blob.digest] = others[blob.digest] }
      if let theirs = its.theirs, !its.isReplacing, !forms.isEmpty {
        // It says the same, and lists forms that aren't there: nobody can use it.
        its.isReplacing = try !theirs.allSatisfy { blob in
          if forms[blob.digest] == nil, there.contains(blob.storedDigest) { return true }
          return try remote.hasBlob(blob.storedDigest, size: blob.storedSize)
        }
      }
      if let completed = its.completed, !its.isReplacing {
        ready.append((key, completed.bytes, true))
        continue
      }
      if its.theirs != nil, !its.isReplacing {
        transfer.skipped += 1
        continue
      }
      ready.append((key, try store.remoteText(of: its.record, stored: forms), its.isReplacing))
    }
    let offers = ready.map { RecordOffer($0.text, for: $0.key, replacing: $0.isReplacing) }
    var late: [Digest] = []
    try remote.putRecords(offers) { i, result in
      let key = ready[i].key
      switch result {
      case .success(true):
        transfer.records += 1
        transfer.bytes += ready[i].text.count
        store.noteRight(key, on: remote)
      case .success(false):
        transfer.skipped += 1
        late.append(key)
      case .failure(let error): fail(key, try takeFault(error))
      }
    }
    // Somebody was faster in between: perhaps with something else.
    let records = Dictionary(outgoing.map { ($0.record.key, $0.record) }) { first, _ in first }
    try remote.records(late, limit: SignedText.longest) { i, result in
      if let text = try? result.get(), case .other(let facts) = try store.meet(text, records[late[i]]!) {
        transfer.others[late[i]] = facts
      }
    }
  }
}
