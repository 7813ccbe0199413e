// Owns what lies under a key on a remote: how it becomes a record that counts here, and how a record of this store is
// written there.

import Canonical
import GRDB

/// A record that came from a remote, not in the index yet.
struct ReceivedRecord {
  var record: Record
}

/// What a remote has in the place of a record that would go there.
enum RemoteRecord {
  /// The same; the blobs that it lists.
  case same(blobs: [StoredBlob])
  /// It says something else, for a later version or with these facts.
  case other(facts: JSON)
  /// It is no record of this key.
  case wrong
}

extension Store {
  /// Reads what `remote` has under a key.
  /// - Throws: `.record` when that isn't this key's record, `.newerRecord`.
  func received(_ text: [UInt8], for key: Digest, from remote: any Remote) throws -> ReceivedRecord {
    let record = try Record(parsing: text)
    guard record.key == key else {
      throw StoreError.record(reason: "\(remote) has that of \(record.key) in the place of \(key)")
    }
    return ReceivedRecord(record: record)
  }

  /// Enters a record that came from a remote. Another may have been faster: the first stays.
  static func enter(_ received: ReceivedRecord, _ db: Database) throws {
    if try Store.record(for: received.record.key, db) != nil { return }
    for blob in received.record.blobs { try Store.setElsewhere(blob, db) }
    try Store.insert(received.record, db)
  }

  /// What is put on a remote for a record, with other stored forms of some of its blobs.
  func remoteText(of record: Record, stored forms: [Digest: StoredBlob]) throws -> [UInt8] {
    try Array(record.stored(as: forms).text.utf8)
  }

  /// Holds what a remote has against a record that would go there.
  func meet(_ theirs: [UInt8], _ record: Record) -> RemoteRecord {
    do {
      let found = try Record(parsing: theirs)
      guard found.key == record.key else { return .wrong }
      return found.artifacts == record.artifacts ? .same(blobs: found.blobs) : .other(facts: found.facts)
    } catch StoreError.newerRecord {
      return .other(facts: [:])
    } catch { return .wrong }
  }
}
