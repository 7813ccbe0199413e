// Owns getting blobs from remotes, many at a time: from packs where most of a pack is wanted, else one by one inside one
// call. What arrives is kept in batches, a transaction for many.

import Canonical
import Foundation
import GRDB
import Synchronization

/// What asking remotes for blobs came to.
struct Fetched {
  /// By content, where each is now.
  var found: [Digest: (StoredBlob, Place)] = [:]
  /// Of those that came wrong, what was wrong with the last, by content.
  var damaged: [Digest: String] = [:]
  /// What a remote failed with. What isn't found may be there all the same.
  var fault: StoreError?
}

extension Store {
  /// Gets the bytes of those of these blobs that aren't here from the attached remotes, verifies and keeps them. What
  /// can't be had is left out: reading it says why.
  /// - Parameter manifests: what lists them, as far as that is known: packs are found by it.
  /// - Throws: errors of this store, and what `onTraffic` throws.
  public func fetch(_ digests: [Digest], listedBy manifests: [Digest] = []) throws {
    guard let attachment = attached.withLock({ $0 }) else { return }
    _ = try fetch(digests, listedBy: manifests, attachment)
  }

  /// The same from these remotes; what remotes turn out not to have isn't thought to be there any more.
  func fetch(_ digests: [Digest], listedBy manifests: [Digest], _ attachment: Attachment) throws -> Fetched {
    var all = Fetched()
    var forms = try absentForms(of: digests)
    while !forms.isEmpty {
      let mine = fetches.claim(Set(forms.keys))
      // What another thread was fetching is here by now, or as absent as before.
      if !mine.isEmpty {
        defer { fetches.end(mine) }
        // Somebody may have ended between the look and the claim.
        try fetch(try absentForms(of: mine.sorted()), listedBy: manifests, attachment, &all)
      }
      let others = forms.keys.filter { !mine.contains($0) }
      forms = try absentForms(of: others)
      for digest in others where forms[digest] == nil {
        all.found[digest] = try reading { try Store.rows(of: digest, $0) }.first { $0.1 != .elsewhere }
      }
    }
    return all
  }

  private func fetch(
    _ forms: [Digest: [StoredBlob]], listedBy manifests: [Digest], _ attachment: Attachment,
    _ all: inout Fetched
  ) throws {
    var forms = forms
    while !forms.isEmpty {
      // Where a content is known in several forms, one after the other.
      let round = forms.values.map(\.first!)
      let fetched = try fetch(round, listedBy: manifests, attachment)
      all.found.merge(fetched.found) { $1 }
      all.damaged.merge(fetched.damaged) { $1 }
      all.fault = all.fault ?? fetched.fault
      for form in round {
        forms[form.digest]!.removeFirst()
        if fetched.found[form.digest] != nil || forms[form.digest]!.isEmpty { forms[form.digest] = nil }
      }
    }
  }

  /// Of those of these blobs that aren't here, the forms that remotes may have.
  private func absentForms(of digests: [Digest]) throws -> [Digest: [StoredBlob]] {
    try reading { db in
      var absent: [Digest: [StoredBlob]] = [:]
      for digest in digests where absent[digest] == nil {
        let rows = try Store.rows(of: digest, db)
        let isHere = rows.contains { form, place in
          switch place {
          case .inline: true
          case .elsewhere: false
          case .file: Layout.sizeOfFile(layout.blob(digest, form.codec)) == form.storedSize
          }
        }
        if !isHere, !rows.isEmpty { absent[digest] = rows.map(\.0) }
      }
      return absent
    }
  }

  /// One form of each content.
  func fetch(_ forms: [StoredBlob], listedBy manifests: [Digest], _ attachment: Attachment) throws -> Fetched
  {
    let fetch = Fetch(self, forms, listedBy: manifests, attachment.warn)
    defer { fetch.end() }
    for remote in attachment.remotes where !fetch.missing.isEmpty { try fetch.ask(remote) }
    try fetch.keep()
    // Nobody is told again that these can be had.
    if !isReadOnly, !fetch.absent.isEmpty {
      try writing { db in
        let statement = try db.cachedStatement(
          sql: "DELETE FROM blobs WHERE digest = ? AND stored = ? AND place = ?")
        for form in fetch.absent {
          try statement.execute(arguments: [
            form.digest.data, form.storedDigest.data, Place.elsewhere.rawValue,
          ])
        }
      }
    }
    return fetch.fetched
  }

  /// Remembers that a remote has something wrong under a key or stored digest: the next push there replaces it.
  func noteWrong(_ digest: Digest, on remote: any Remote) {
    wrongRemotely.withLock { _ = $0["\(remote)", default: []].insert(digest) }
  }

  func isWrong(_ digest: Digest, on remote: any Remote) -> Bool {
    wrongRemotely.withLock { $0["\(remote)"]?.contains(digest) ?? false }
  }

  func noteRight(_ digest: Digest, on remote: any Remote) {
    wrongRemotely.withLock { _ = $0["\(remote)"]?.remove(digest) }
  }
}

/// The contents that threads of this process are fetching, so that what several instances read comes once.
final class FetchesUnderWay: @unchecked Sendable {
  private let condition = NSCondition()
  private var digests = Set<Digest>()

  /// Those of these that nobody else is fetching; they are the caller's until `end`. Empty when all were others', and
  /// some thread has ended since.
  func claim(_ wanted: Set<Digest>) -> Set<Digest> {
    condition.withLock {
      let free = wanted.subtracting(digests)
      if free.isEmpty { condition.wait() } else { digests.formUnion(free) }
      return free
    }
  }

  func end(_ claimed: Set<Digest>) {
    condition.withLock {
      digests.subtract(claimed)
      condition.broadcast()
    }
  }
}

/// Blobs that are being fetched. One thread uses it.
private final class Fetch {
  private let store: Store
  private let warn: @Sendable (String) -> Void
  private let manifests: [Digest]
  /// By stored digest.
  private(set) var missing: [Digest: StoredBlob]
  private(set) var fetched = Fetched()
  /// Those of which a remote that failed isn't known not to have them.
  private var uncertain = Set<Digest>()
  /// Verified, and not in the index yet.
  private var arrived: [WrittenBlob] = []
  private var arrivedBytes = 0
  private var expected = 0

  /// So many are asked for in one call, and so many of them entered in one transaction.
  private static let most = 1000
  private static let mostBytes = 4 << 20

  init(
    _ store: Store, _ forms: [StoredBlob], listedBy manifests: [Digest],
    _ warn: @escaping @Sendable (String) -> Void
  ) {
    self.store = store
    self.warn = warn
    self.manifests = manifests
    missing = Dictionary(forms.map { ($0.storedDigest, $0) }) { first, _ in first }
    let bytes = missing.values.reduce(0) { $0 + $1.storedSize }
    expected = bytes
    try? store.count { $0.toFetch += bytes }
  }

  /// Those that no remote has, or has right.
  var absent: [StoredBlob] { missing.values.filter { !uncertain.contains($0.storedDigest) } }

  /// Nothing more is expected.
  func end() {
    let left = expected
    try? store.count { $0.toFetch -= left }
  }

  func ask(_ remote: any Remote) throws {
    var packs = try packs(on: remote, of: manifests, fewest: PackList.few)
    let worthwhile = packs.filter { 2 * wantedBytes(of: $0) >= $0.size }
    if !worthwhile.isEmpty {
      try take(worthwhile, from: remote)
      packs.removeAll { worthwhile.contains($0) }
    }
    let alone = missing.values.sorted { $0.storedDigest < $1.storedDigest }
    for start in stride(from: 0, to: alone.count, by: Fetch.most) {
      try take(Array(alone[start..<min(start + Fetch.most, alone.count)]), from: remote)
    }
    // What lies nowhere else may lie in a pack of which little is wanted.
    let small = missing.values.filter {
      $0.storedSize < PackList.small && !uncertain.contains($0.storedDigest)
    }
    guard !small.isEmpty else { return }
    if packs.isEmpty, worthwhile.isEmpty {
      let listing = manifests.isEmpty ? try store.manifests(listing: small.map(\.digest)) : manifests
      packs = try self.packs(on: remote, of: listing, fewest: 0)
    }
    var room = 4 * PackList.largest
    let last = packs.filter { pack in
      guard pack.size <= room, wantedBytes(of: pack) > 0 else { return false }
      room -= pack.size
      return true
    }
    if !last.isEmpty { try take(last, from: remote) }
  }

  private func wantedBytes(of pack: PackList.Pack) -> Int {
    pack.members.reduce(0) { $0 + (missing[$1.stored] == nil ? 0 : $1.size) }
  }

  /// The packs of manifests that list more than `fewest` of the small blobs that are missing.
  private func packs(on remote: any Remote, of manifests: [Digest], fewest: Int) throws
    -> [PackList.Pack]
  {
    let small = Set(missing.values.filter { $0.storedSize < PackList.small }.map(\.digest))
    guard small.count > fewest else { return [] }
    let listing = try store.members(of: manifests).filter { _, entries in
      entries.values.count { small.contains($0.digest) } > fewest
    }.keys.sorted()
    var packs: [PackList.Pack] = []
    for (manifest, list) in try store.packLists(of: listing, on: remote, warn) {
      let isTrue = list.packs.allSatisfy { pack in
        pack.members.allSatisfy { missing[$0.stored].map(\.storedSize) ?? $0.size == $0.size }
      }
      if isTrue {
        packs += list.packs
      } else {
        store.noteWrong(PackList.key(of: manifest), on: remote)
        warn("\(remote): its list of the packs of \(manifest) lies about sizes. It was not used")
      }
    }
    return packs.filter { wantedBytes(of: $0) > 0 }
  }

  /// Takes blobs one by one, in one call.
  private func take(_ forms: [StoredBlob], from remote: any Remote) throws {
    let arrivals = forms.map { Arrival($0, in: store.layout) }
    let wishes = arrivals.map { arrival in
      BlobWish(arrival.form.storedDigest, limit: arrival.form.storedSize) { [store] piece in
        try arrival.take(piece)
        try store.count { $0.fetched += piece.count }
      }
    }
    try remote.blobs(wishes) { i, result in
      let arrival = arrivals[i]
      switch result {
      case .success(true): try settle(arrival, Result { try arrival.finish() }, remote)
      case .success(false): break
      case .failure(let error): try settle(arrival, .failure(error), remote)
      }
    }
  }

  /// Takes what is wanted of packs. What one of them doesn't have right is asked for alone.
  private func take(_ packs: [PackList.Pack], from remote: any Remote) throws {
    // Each is bounded, and one member of it at a time is in memory.
    for start in stride(from: 0, to: packs.count, by: 4) {
      let wishes = packs[start..<min(start + 4, packs.count)].map { pack in
        let arrivals = pack.members.compactMap { missing[$0.stored] }.map { Arrival($0, in: store.layout) }
        let byStored = Dictionary(arrivals.map { ($0.form.storedDigest, $0) }) { first, _ in first }
        let arrival = PackArrival(pack, byStored) { [self] arrival, result in
          let received = arrival.received
          try store.count { $0.fetched += received }
          try settle(arrival, result, remote)
        }
        return BlobWish(pack.stored, limit: pack.size, to: arrival.take)
      }
      try remote.blobs(wishes) { _, result in
        switch result {
        case .success: break
        // A member was longer than it may be, or the pack can't be read: who isn't there yet is asked for alone.
        case .failure(is Undecodable), .failure(StoreError.unreadable): break
        case .failure(let error as StoreError) where error.isOfRemote:
          fetched.fault = fetched.fault ?? error
        case .failure(let error): throw error
        }
      }
    }
  }

  private func settle(
    _ arrival: Arrival, _ result: Result<WrittenBlob, any Error>, _ remote: any Remote
  ) throws {
    let form = arrival.form
    switch result {
    case .success(let blob):
      missing[form.storedDigest] = nil
      uncertain.remove(form.storedDigest)
      expected -= form.storedSize
      arrived.append(blob)
      arrivedBytes += blob.inline?.count ?? 0
      if arrivedBytes >= Fetch.mostBytes || arrived.count >= Fetch.most { try keep() }
      return
    case .failure(let problem as Undecodable): tell(problem.reason, of: form, remote)
    case .failure(StoreError.unreadable(_, let reason)): tell(reason, of: form, remote)
    case .failure(let error as StoreError) where error.isOfRemote:
      fetched.fault = fetched.fault ?? error
      uncertain.insert(form.storedDigest)
    case .failure(let error): throw error
    }
    // It isn't here after all.
    let received = arrival.received
    try store.count { $0.fetched -= received }
  }

  private func tell(_ reason: String, of form: StoredBlob, _ remote: any Remote) {
    fetched.damaged[form.digest] = reason
    store.noteWrong(form.storedDigest, on: remote)
    warn("blob \(form.digest) on \(remote) is damaged (\(reason)) and was not used")
  }

  /// Enters what has arrived.
  func keep() throws {
    guard !arrived.isEmpty else { return }
    try store.writing { try Store.register(arrived, $0) }
    for blob in arrived { fetched.found[blob.digest] = (blob.form, blob.inline == nil ? .file : .inline) }
    (arrived, arrivedBytes) = ([], 0)
  }
}

extension Store {
  /// The lists of these manifests' packs that a remote has; those that are wrong are told, and left out.
  func packLists(
    of manifests: [Digest], on remote: any Remote, _ warn: (String) -> Void
  ) throws -> [(manifest: Digest, list: PackList)] {
    var lists: [(Digest, PackList)] = []
    for start in stride(from: 0, to: manifests.count, by: 64) {
      let batch = Array(manifests[start..<min(start + 64, manifests.count)])
      try remote.records(batch.map(PackList.key), limit: PackList.longest) { i, result in
        // What can't be read is as none: everything can be had without.
        guard let text = try? result.get() else { return }
        do { lists.append((batch[i], try PackList(parsing: text))) } catch let problem as Undecodable {
          noteWrong(PackList.key(of: batch[i]), on: remote)
          warn(
            "\(remote): its list of the packs of \(batch[i]) is wrong (\(problem.reason)). It was not used")
        }
      }
    }
    return lists
  }

  /// The manifests known here that list these blobs.
  func manifests(listing digests: [Digest]) throws -> [Digest] {
    try reading { db in
      var found = Set<Digest>()
      for start in stride(from: 0, to: digests.count, by: 500) {
        let batch = digests[start..<min(start + 500, digests.count)]
        let marks = Array(repeating: "?", count: batch.count).joined(separator: ",")
        let rows = try Row.fetchCursor(
          db, sql: "SELECT DISTINCT manifest FROM members WHERE digest IN (\(marks))",
          arguments: StatementArguments(batch.map(\.data)))
        while let row = try rows.next() { found.insert(try Digest(row, 0)) }
      }
      return found.sorted()
    }
  }
}
