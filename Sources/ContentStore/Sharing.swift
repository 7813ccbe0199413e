// Owns the traffic between a store and a remote. Records come first and blobs when somebody reads them; everything that
// arrives is bounded and verified before it is believed, since a remote may be damaged or hostile.

import Canonical
import Foundation
import GRDB
import Synchronization

/// What a push or a pull moved.
public struct Transfer: Hashable, Sendable {
  public var records = 0
  public var blobs = 0
  /// Stored bytes moved.
  public var bytes = 0
  /// Blobs and records that were there before.
  public var skipped = 0
  /// What could not be moved, and why.
  public var problems: [String] = []

  public init() {}
}

extension Store {
  /// From now on missing blobs are looked for on this remote. `warn` is told of damaged ones.
  public func attach(_ remote: any Remote, warn: @escaping @Sendable (String) -> Void) {
    attached.withLock { $0 = Attachment(remote: remote, warn: warn) }
  }

  /// Gets a key's record from a remote, unless the store has one, and enters its blobs as known to be elsewhere.
  /// - Returns: the record; nil when the remote has none.
  /// - Throws: `.record` when what the remote has is not this key's record, and `.newerRecord` for one of a later
  ///   version: either is as good as absent, but only the first is replaced by the next push.
  public func pullRecord(_ key: Digest, from remote: any Remote) throws -> Record? {
    if let record = try record(for: key) { return record }
    let record: Record
    do {
      guard let text = try remote.record(key, limit: Record.longest) else { return nil }
      record = try Record(parsing: text)
      guard record.key == key else {
        throw StoreError.record(reason: "\(remote) has that of \(record.key) in the place of \(key)")
      }
    } catch {
      if let error = error as? StoreError, error.isWrong { _ = wrongRemotely.withLock { $0.insert(key) } }
      throw error
    }
    if isReadOnly { return record }
    return try writing { db in
      // Another thread may have been faster: the first stays.
      if let record = try Store.record(for: key, db) { return record }
      for blob in record.blobs { try Store.setElsewhere(blob, db) }
      try Store.insert(record, db)
      return record
    }
  }

  /// Gets a blob's bytes from the attached remote, verifies them and keeps them. nil when they can't be had: then
  /// nobody is told again that they can.
  func fetch(_ form: StoredBlob) throws -> (StoredBlob, Place)? {
    guard let attachment = attached.withLock({ $0 }) else { return nil }
    var problem: String?
    do {
      if let found = try fetch(form, from: attachment.remote) { return found }
    } catch let undecodable as Undecodable { problem = undecodable.reason } catch StoreError.unreadable(
      _, let reason)
    { problem = reason }
    if let problem {
      _ = wrongRemotely.withLock { $0.insert(form.storedDigest) }
      attachment.warn("blob \(form.digest) on \(attachment.remote) is damaged (\(problem)) and was not used")
    }
    if !isReadOnly {
      try writing {
        try $0.execute(
          sql: "DELETE FROM blobs WHERE digest = ? AND stored = ? AND place = ?",
          arguments: [form.digest.data, form.storedDigest.data, Place.elsewhere.rawValue])
      }
    }
    return nil
  }

  /// nil when the remote doesn't have it; throws `Undecodable` when what it has isn't that.
  private func fetch(_ form: StoredBlob, from remote: any Remote) throws -> (StoredBlob, Place)? {
    let temporary = try Temporary(in: layout.temporary)
    var hasher = Hasher256()
    var received = 0
    let found = try remote.blob(form.storedDigest, limit: form.storedSize) {
      received += $0.count
      guard received <= form.storedSize else {
        throw Undecodable("longer than the \(form.storedSize) stored bytes recorded")
      }
      hasher.update($0)
      try temporary.write($0)
    }
    guard found else { return nil }
    guard received == form.storedSize else {
      throw Undecodable("\(received) stored bytes instead of \(form.storedSize)")
    }
    let stored = hasher.finish()
    guard stored == form.storedDigest else { throw Undecodable("its stored bytes give \(stored)") }
    guard let file = try OpenFile.reading(temporary.path) else {
      throw StoreError.failed(to: "read back", temporary.path, ENOENT)
    }
    let digest = try decode(form.codec, size: form.size, from: { try file.read(into: $0) }, to: { _ in })
    guard digest == form.digest else { throw Undecodable("its content gives \(digest)") }
    if form.storedSize <= BlobWriter.inlineLimit {
      let bytes = try OpenFile.reading(temporary.path)!.contents(limit: form.storedSize)
      try writing { try Store.register([WrittenBlob(form, inline: bytes)], $0) }
      return (form, .inline)
    }
    let there = try layout.publish(temporary, form)
    try writing { try Store.set(there, .file, $0) }
    return (there, .file)
  }

  /// Copies records with the blobs they list to a remote, blobs first. What can't be had here is reported among the
  /// problems, and its record isn't sent. A record of a later version that the remote has stays there.
  public func push(_ keys: [Digest], to remote: any Remote) throws -> Transfer {
    var transfer = Transfer()
    // What several records list is there as soon as the first of them is.
    var sent = Set<Digest>()
    for key in keys {
      guard let record = try record(for: key) else {
        transfer.problems.append("no record of \(key)")
        continue
      }
      let wrong = wrongRemotely.withLock { $0 }
      var complete = true
      // Stored by another version of the codec than when the record was written.
      var others: [Digest: StoredBlob] = [:]
      for blob in record.blobs {
        if sent.contains(blob.storedDigest) { continue }
        if !wrong.contains(blob.storedDigest), try remote.hasBlob(blob.storedDigest, size: blob.storedSize) {
          sent.insert(blob.storedDigest)
          transfer.skipped += 1
          continue
        }
        do {
          let (form, isNew) = try send(blob, to: remote, wrong)
          if form != blob { others[blob.digest] = form }
          sent.formUnion([blob.storedDigest, form.storedDigest])
          if isNew {
            transfer.blobs += 1
            transfer.bytes += form.storedSize
            _ = wrongRemotely.withLock { $0.remove(form.storedDigest) }
          } else {
            transfer.skipped += 1
          }
        } catch let problem as Undecodable {
          complete = false
          transfer.problems.append("record \(key): blob \(blob.digest): \(problem.reason)")
        }
      }
      guard complete else { continue }
      let isReplacing = try wrong.contains(key) || (!others.isEmpty && isUnusable(record, on: remote))
      let text = try Array(record.stored(as: others).text.utf8)
      if !isReplacing, try remote.hasRecord(key) {
        transfer.skipped += 1
      } else if try remote.putRecord(text, for: key, replacing: isReplacing) {
        transfer.records += 1
        transfer.bytes += text.count
        _ = wrongRemotely.withLock { $0.remove(key) }
      } else {
        transfer.skipped += 1
      }
    }
    return transfer
  }

  /// Whether the remote has this record's like, but not all the blobs in the forms that it lists.
  private func isUnusable(_ record: Record, on remote: any Remote) throws -> Bool {
    guard let text = try remote.record(record.key, limit: Record.longest),
      let theirs = try? Record(parsing: text), theirs.artifacts == record.artifacts
    else { return false }
    return try !theirs.blobs.allSatisfy { try remote.hasBlob($0.storedDigest, size: $0.storedSize) }
  }

  /// Sends a blob's stored bytes in the form that the record says or, if that can't be had, in another that is here.
  /// - Returns: the form that the remote has now, and whether it was sent.
  /// - Throws: `Undecodable` when no form can be had.
  private func send(_ blob: StoredBlob, to remote: any Remote, _ wrong: Set<Digest>) throws
    -> (form: StoredBlob, isNew: Bool)
  {
    var problem = Undecodable("it isn't in the store")
    let forms = try reading { try Store.rows(of: blob.digest, $0) }
    for (form, place) in forms.filter({ $0.0 == blob }) + forms.filter({ $0.0 != blob })
    where place != .elsewhere {
      if form != blob, !wrong.contains(form.storedDigest),
        try remote.hasBlob(form.storedDigest, size: form.storedSize)
      {
        return (form, false)
      }
      do {
        try send(form, place, to: remote)
        return (form, true)
      } catch let undecodable as Undecodable { problem = undecodable }
    }
    if let size = forms.first?.0.size, let (form, place) = try restored(blob.digest, size: size) {
      try send(form, place, to: remote)
      return (form, true)
    }
    for (form, _) in forms {
      if let (form, place) = try fetch(form) {
        try send(form, place, to: remote)
        return (form, true)
      }
      problem = Undecodable("\(problem.reason), nor on the attached remote")
    }
    throw problem
  }

  /// Sends stored bytes; when they aren't what the index says, drops them.
  private func send(_ form: StoredBlob, _ place: Place, to remote: any Remote) throws {
    do {
      if place == .inline {
        guard let bytes = try inlineBytes(form.digest) else { throw Undecodable("its bytes are gone") }
        do { try send(form, to: remote, from: source(of: Array(bytes))) } catch var problem as Undecodable {
          problem.inline = bytes
          throw problem
        }
      } else {
        try stored(form) { try send(form, to: remote, from: $0) }
      }
    } catch let problem as Undecodable {
      try drop(form, place, problem)
      throw problem
    }
  }

  private func send(_ blob: StoredBlob, to remote: any Remote, from source: ByteSource) throws {
    var hasher = Hasher256()
    var sent = 0
    try remote.putBlob(blob.storedDigest, size: blob.storedSize) { buffer in
      let n = try source(buffer)
      hasher.update(UnsafeRawBufferPointer(rebasing: buffer[..<n]))
      sent += n
      // Before the last bytes go out: a remote that had got wrong bytes under a name would keep them.
      if n == 0 || sent >= blob.storedSize,
        sent != blob.storedSize || hasher.soFar() != blob.storedDigest
      {
        throw Undecodable("its stored bytes are damaged")
      }
      return n
    }
  }

  /// Copies records from a remote, and their blobs at once instead of when they are read.
  /// - Parameter keys: nil for all that the remote has.
  public func pull(_ keys: [Digest]?, from remote: any Remote) throws -> Transfer {
    guard let keys = try keys ?? remote.keys() else {
      throw StoreError.remote(
        name: "\(remote)", reason: "this sort of remote can't list its keys; name a file")
    }
    var transfer = Transfer()
    var pulled = Set<Digest>()
    for key in keys {
      do {
        let known = try record(for: key)
        guard let record = try known ?? pullRecord(key, from: remote) else {
          transfer.problems.append("\(remote) has no record of \(key)")
          continue
        }
        if known == nil {
          transfer.records += 1
          transfer.bytes += record.text.utf8.count
        } else {
          transfer.skipped += 1
        }
        for blob in record.blobs {
          guard pulled.insert(blob.digest).inserted else { continue }
          let forms = try reading { try Store.rows(of: blob.digest, $0) }
          if forms.contains(where: { $0.1 != .elsewhere }) {
            transfer.skipped += 1
          } else if try fetch(blob, from: remote) != nil {
            transfer.blobs += 1
            transfer.bytes += blob.storedSize
          } else {
            transfer.problems.append("\(remote) has no blob \(blob.digest) of record \(key)")
          }
        }
      } catch let error as StoreError where error.concern == .item {
        transfer.problems.append("record \(key): \(error)")
      } catch let problem as Undecodable {
        transfer.problems.append("a blob of record \(key): \(problem.reason)")
      }
    }
    return transfer
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
