// Owns whose results a project takes from remotes, and with what its own are signed. What was pulled keeps the signatures
// that it came with, so that it can be held against another list of keys later, and signed by nobody else.

import Canonical
import Foundation
import GRDB
import Synchronization

/// Whom a project believes, and who it is itself.
public struct Trust: Sendable {
  /// Results from remotes count only with a valid signature of one of these; nil: any count.
  public var keys: [PublicKey]?
  /// Signs what is pushed.
  public var signer: PrivateKey?

  public init(keys: [PublicKey]? = nil, signer: PrivateKey? = nil) {
    self.keys = keys
    self.signer = signer
  }

  /// What follows from it for one store.
  struct State: Sendable {
    var trust = Trust()
    /// Keys whose records here came from a remote without such a signature: they are as good as absent.
    var doubted: Set<Digest> = []
    /// Why records weren't taken.
    var refusals: [Digest: String] = [:]
  }
}

extension Store {
  /// From now on records count as this says: those of remotes, and those here that came from one, whenever that was.
  /// What was computed here always does.
  public func believe(_ trust: Trust) throws {
    var doubted: Set<Digest> = []
    if let keys = trust.keys {
      let marks = Array(repeating: "?", count: keys.count + 1).joined(separator: ",")
      let rows = try reading { db in
        try Row.fetchAll(
          db, sql: "SELECT key, signatures FROM origins WHERE signer NOT IN (\(marks))",
          arguments: StatementArguments(keys.map { Data($0.bytes) } + [Store.own])
        ).map { (key: try Digest($0, 0), lines: $0[1] as String) }
      }
      var known: [(key: Digest, signer: PublicKey)] = []
      for (key, lines) in rows {
        if !lines.isEmpty, let text = try reading({ try Store.text(of: key, $0) }),
          let signer = SignedText(text, lines: Store.lines(lines)).signer(among: keys)
        {
          known.append((key, signer))
        } else {
          doubted.insert(key)
        }
      }
      if !known.isEmpty, !isReadOnly {
        try writing { db in
          for (key, signer) in known {
            try db.execute(
              sql: "UPDATE origins SET signer = ? WHERE key = ?", arguments: [Data(signer.bytes), key.data])
          }
        }
      }
    }
    beliefs.withLock { $0 = Trust.State(trust: trust, doubted: doubted) }
  }

  /// Why records with these keys count for nothing, of those that were asked for.
  public func refusals(of keys: some Sequence<Digest>) -> [Digest: String] {
    let known = beliefs.withLock { $0.refusals }
    return Dictionary(keys.compactMap { key in known[key].map { (key, $0) } }) { first, _ in first }
  }

  /// Those of these keys whose records here nobody vouches for.
  func doubted(_ keys: some Sequence<Digest>) -> Set<Digest> {
    beliefs.withLock { state in
      if state.doubted.isEmpty { return [] }
      let found = state.doubted.intersection(keys)
      for key in found where state.refusals[key] == nil {
        state.refusals[key] =
          "the record here came from a remote and isn't signed by a key that this project trusts"
      }
      return found
    }
  }

  func isDoubted(_ key: Digest) -> Bool { !doubted(CollectionOfOne(key)).isEmpty }

  /// Forgets that a record wasn't believed: another has taken its place. Where one came that is believed, there is nothing
  /// to be said of those that weren't either.
  func clearDoubt(_ key: Digest, isPulled: Bool) {
    beliefs.withLock { state in
      state.doubted.remove(key)
      if isPulled { state.refusals[key] = nil }
    }
  }

  /// Notes that a record that was just entered came from a remote.
  static func enterOrigin(of key: Digest, signer: PublicKey?, lines: [String], _ db: Database) throws {
    try db.cachedStatement(
      sql: "INSERT OR REPLACE INTO origins (key, signer, signatures) VALUES (?, ?, ?)"
    ).execute(arguments: [key.data, Data(signer?.bytes ?? []), lines.joined(separator: "\n")])
  }

  /// Notes that a record that was just entered is this store's own.
  static func enterAsOwn(_ key: Digest, _ db: Database) throws {
    try db.cachedStatement(sql: "DELETE FROM origins WHERE key = ?").execute(arguments: [key.data])
  }

  /// A record as it goes to others: one that was computed here with the signature of one's own key, if there is one;
  /// one that came from a remote with the signatures that it came with, as long as its text is the same.
  func signed(_ record: Record) throws -> SignedText {
    let text = SignedText(Array(record.text.utf8))
    let (origin, kept) = try reading { db in
      try (
        db.cachedStatement(sql: "SELECT signer = ?, signatures FROM origins WHERE key = ?")
          .first([Store.own, record.key.data]) { (isOwn: $0[0] as Bool, lines: $0[1] as String) },
        Store.text(of: record.key, db)
      )
    }
    let given = origin.map { kept == text.text ? text.with(Store.lines($0.lines)) : text } ?? text
    guard origin?.isOwn ?? true, let signer = beliefs.withLock({ $0.trust.signer }) else { return given }
    return given.signed(by: signer)
  }

  /// Keeps signatures of others with a record that is here. Where keys are trusted, only theirs.
  func add(_ lines: [String], to key: Digest) throws {
    guard !lines.isEmpty, let text = try reading({ try Store.text(of: key, $0) }) else { return }
    if let keys = beliefs.withLock({ $0.trust.keys }),
      SignedText(text, lines: lines).signer(among: keys) == nil
    {
      return
    }
    try writing { db in
      let known = try db.cachedStatement(sql: "SELECT signatures FROM origins WHERE key = ?")
        .first([key.data]) { $0[0] as String }
      let all = SignedText(text, lines: Store.lines(known ?? "")).with(lines).lines
      try db.execute(
        sql: """
          INSERT INTO origins (key, signer, signatures) VALUES (?, ?, ?)
          ON CONFLICT (key) DO UPDATE SET signatures = excluded.signatures
          """, arguments: [key.data, Store.own, all.joined(separator: "\n")])
    }
  }

  /// Stands for the signer of what was computed here and others signed too.
  private static let own = Data([0])

  private static func text(of key: Digest, _ db: Database) throws -> [UInt8]? {
    try db.cachedStatement(sql: "SELECT text, base FROM records WHERE key = ?")
      .first([key.data]) { try recordText($0, 0, db) } ?? nil
  }

  private static func lines(_ text: String) -> [String] {
    text.split(separator: "\n").map(String.init)
  }
}
