// Owns what lies under a key on a remote: how it becomes a record that counts here, and how a record of this store is
// written there, with its signatures.

import Canonical
import GRDB
import Synchronization

/// A record that came from a remote, not in the index yet.
struct ReceivedRecord {
  var record: Record
  /// A trusted key that signed it, if anybody asked.
  var signer: PublicKey?
  /// All signatures that it came with.
  var lines: [String]
}

/// What a remote has in the place of a record that would go there.
enum RemoteRecord {
  /// The same; the blobs that it lists, and, if more signatures can be given than it has, the text with these.
  case same(blobs: [StoredBlob], completed: SignedText?)
  /// It says something else, for a later version or with these facts.
  case other(facts: JSON)
  /// It is no record of this key.
  case wrong
}

extension Store {
  /// Reads what `remote` has under a key.
  /// - Returns: nil when nobody whom this project trusts vouches for it; `refusals` says why.
  /// - Throws: `.record` when that isn't this key's record, `.newerRecord`.
  func received(_ text: [UInt8], for key: Digest, from remote: any Remote) throws -> ReceivedRecord? {
    let signed = try SignedText(parsing: text)
    let record = try Record(parsing: signed.text)
    guard record.key == key else {
      throw StoreError.record(reason: "\(remote) has that of \(record.key) in the place of \(key)")
    }
    guard let keys = beliefs.withLock({ $0.trust.keys }) else {
      return ReceivedRecord(record: record, lines: signed.lines)
    }
    guard let signer = signed.signer(among: keys) else {
      let lack = signed.lack(of: keys)
      beliefs.withLock { $0.refusals[key] = "the record on \(remote) \(lack)" }
      return nil
    }
    return ReceivedRecord(record: record, signer: signer, lines: signed.lines)
  }

  /// Enters records that came from remotes. Others may have been faster: the first stays, if it is believed.
  func enter(_ received: [ReceivedRecord]) throws {
    let doubted = doubted(received.map(\.record.key))
    try writing { db in
      for its in received {
        let key = its.record.key
        if !doubted.contains(key), try Store.record(for: key, db) != nil { continue }
        for blob in its.record.blobs { try Store.setElsewhere(blob, db) }
        try Store.insert(its.record, db)
        try Store.enterOrigin(of: key, signer: its.signer, lines: its.lines, db)
      }
    }
    for its in received { clearDoubt(its.record.key, isPulled: true) }
  }

  /// What is put on a remote for a record, with other stored forms of some of its blobs.
  func remoteText(of record: Record, stored forms: [Digest: StoredBlob]) throws -> [UInt8] {
    try signed(record.stored(as: forms)).bytes
  }

  /// Holds what a remote has against a record that would go there.
  func meet(_ theirs: [UInt8], _ record: Record) throws -> RemoteRecord {
    let signed: SignedText
    let found: Record
    do {
      signed = try SignedText(parsing: theirs)
      found = try Record(parsing: signed.text)
    } catch StoreError.newerRecord { return .other(facts: [:]) } catch { return .wrong }
    guard found.key == record.key else { return .wrong }
    guard found.artifacts == record.artifacts else { return .other(facts: found.facts) }
    let mine = try self.signed(record)
    var more = signed
    if signed.text == mine.text {
      more = signed.with(mine.lines)
    } else if let signer = beliefs.withLock({ $0.trust.signer }),
      mine.signer(among: [signer.publicKey]) != nil
    {
      // Who got the same artifacts of the same action vouches for the record that says so.
      more = signed.signed(by: signer)
    }
    return .same(blobs: found.blobs, completed: more == signed ? nil : more)
  }
}
