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
  /// Blobs and records that were there already.
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
  /// - Throws: `.record` when what the remote has is not this key's record: it is then as good as absent.
  public func pullRecord(_ key: Digest, from remote: any Remote) throws -> Record? {
    if let record = try record(for: key) { return record }
    guard let text = try remote.record(key, limit: Record.longest) else { return nil }
    let record: Record
    do {
      record = try Record(parsing: text)
      guard record.key == key else {
        throw StoreError.record(reason: "\(remote) has that of \(record.key) in the place of \(key)")
      }
    } catch {
      _ = wrongRemotely.withLock { $0.insert(key) }
      throw error
    }
    return try writing { db in
      // Another thread may have been faster: the first stays.
      if let text = try String.fetchOne(
        db, sql: "SELECT text FROM records WHERE key = ?", arguments: [key.data])
      {
        return try Record(parsing: Array(text.utf8))
      }
      for blob in record.blobs where try Store.row(of: blob.digest, db) == nil {
        try Store.set(blob, .elsewhere, db)
      }
      try Store.insert(record, db)
      return record
    }
  }

  /// Gets a blob's bytes from the attached remote, verifies them and keeps them.
  func fetch(_ form: StoredBlob) throws -> Place {
    guard let attachment = attached.withLock({ $0 }) else { throw StoreError.missing(form.digest) }
    do {
      if let place = try fetch(form, from: attachment.remote) { return place }
    } catch let problem as Undecodable {
      _ = wrongRemotely.withLock { $0.insert(form.storedDigest) }
      attachment.warn(
        "blob \(form.digest) on \(attachment.remote) is damaged (\(problem.reason)) and was not used")
    }
    try writing { try $0.execute(sql: "DELETE FROM blobs WHERE digest = ?", arguments: [form.digest.data]) }
    throw StoreError.missing(form.digest)
  }

  /// nil when the remote doesn't have it; throws `Undecodable` when what it has isn't that.
  private func fetch(_ form: StoredBlob, from remote: any Remote) throws -> Place? {
    let temporary = try Temporary(in: layout.temporary)
    var hasher = Hasher256()
    var received = 0
    let found = try remote.blob(form.storedDigest, limit: form.storedSize) {
      received += $0.count
      guard received <= form.storedSize else {
        throw Undecodable(reason: "longer than the \(form.storedSize) stored bytes recorded")
      }
      hasher.update($0)
      try temporary.write($0)
    }
    guard found else { return nil }
    guard received == form.storedSize else {
      throw Undecodable(reason: "\(received) stored bytes instead of \(form.storedSize)")
    }
    let stored = hasher.finish()
    guard stored == form.storedDigest else { throw Undecodable(reason: "its stored bytes give \(stored)") }
    guard let file = try OpenFile.reading(temporary.path) else {
      throw StoreError.failed(to: "read back", temporary.path, ENOENT)
    }
    let digest = try decode(form.codec, size: form.size, from: { try file.read(into: $0) }, to: { _ in })
    guard digest == form.digest else { throw Undecodable(reason: "its content gives \(digest)") }
    if form.storedSize <= BlobWriter.inlineLimit {
      let bytes = try OpenFile.reading(temporary.path)!.contents(limit: form.storedSize)
      try writing { try Store.register([WrittenBlob(form, inline: bytes)], $0) }
      return .inline
    }
    try layout.publish(temporary, form)
    try writing { try Store.set(form, .file, $0) }
    return .file
  }

  /// Copies records with the blobs they list to a remote, blobs first. What can't be had here is reported among the
  /// problems, and its record isn't sent.
  public func push(_ keys: [Digest], to remote: any Remote) throws -> Transfer {
    var transfer = Transfer()
    for key in keys {
      guard let record = try record(for: key) else {
        transfer.problems.append("no record of \(key)")
        continue
      }
      let wrong = wrongRemotely.withLock { $0 }
      var complete = true
      for blob in record.blobs {
        if !wrong.contains(blob.storedDigest), try remote.hasBlob(blob.storedDigest, size: blob.storedSize) {
          transfer.skipped += 1
          continue
        }
        do {
          try send(blob, to: remote)
          transfer.blobs += 1
          transfer.bytes += blob.storedSize
          _ = wrongRemotely.withLock { $0.remove(blob.storedDigest) }
        } catch let problem as Undecodable {
          complete = false
          transfer.problems.append("record \(key): blob \(blob.digest): \(problem.reason)")
        }
      }
      guard complete else { continue }
      let text = Array(record.text.utf8)
      if !wrong.contains(key), try remote.hasRecord(key) {
        transfer.skipped += 1
      } else if try remote.putRecord(text, for: key, replacing: wrong.contains(key)) {
        transfer.records += 1
        transfer.bytes += text.count
        _ = wrongRemotely.withLock { $0.remove(key) }
      } else {
        transfer.skipped += 1
      }
    }
    return transfer
  }

  /// Sends stored bytes, which must be what the record says: else `Undecodable`.
  private func send(_ blob: StoredBlob, to remote: any Remote) throws {
    guard case (let form, var place)? = try reading({ try Store.row(of: blob.digest, $0) }) else {
      throw Undecodable(reason: "it isn't in the store")
    }
    guard form == blob else {
      throw Undecodable(reason: "it is stored in another form than the record says")
    }
    if place == .elsewhere {
      do { place = try fetch(form) } catch StoreError.missing {
        throw Undecodable(reason: "it isn't in the store, nor on the attached remote")
      }
    }
    do {
      if place == .inline {
        let bytes = try reading {
          try Data.fetchOne(
            $0, sql: "SELECT bytes FROM inlineBlobs WHERE digest = ?", arguments: [blob.digest.data])
        }
        guard let bytes else { throw Undecodable(reason: "its bytes are gone") }
        return try send(blob, to: remote, from: source(of: Array(bytes)))
      }
      guard let file = try OpenFile.reading(layout.blob(blob.digest, blob.codec)) else {
        throw Undecodable(reason: "its file is gone")
      }
      try send(blob, to: remote) { try file.read(into: $0) }
    } catch let problem as Undecodable {
      try drop(form)
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
        throw Undecodable(reason: "its stored bytes are damaged")
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
          let row = try reading { try Store.row(of: blob.digest, $0) }
          if let (_, place) = row, place != .elsewhere {
            transfer.skipped += 1
          } else if try fetch(blob, from: remote) != nil {
            transfer.blobs += 1
            transfer.bytes += blob.storedSize
          } else {
            transfer.problems.append("\(remote) has no blob \(blob.digest) of record \(key)")
          }
        }
      } catch StoreError.record(let reason) {
        transfer.problems.append("record \(key): \(reason)")
      } catch let problem as Undecodable {
        transfer.problems.append("a blob of record \(key): \(problem.reason)")
      }
    }
    return transfer
  }
}
