// Owns what a record says for ever of a result that was taken over from other code: from which key, when, where, and on
// what evidence. What evidence is enough is the engine's to know.

import Canonical
import Foundation
import GRDB

/// That a result was computed by other code, and is taken for this code's.
public struct Acceptance: Hashable, Sendable {
  /// An instance that was computed with the new code and came out with the same bits.
  public struct Evidence: Hashable, Sendable {
    /// Its name then, for people.
    public var instance: String
    public var from: Digest
    public var key: Digest

    public init(instance: String, from: Digest, key: Digest) {
      self.instance = instance
      self.from = from
      self.key = key
    }
  }

  /// The key under which the result was recorded.
  public let from: Digest
  /// All that is said, members of later versions included.
  public let json: JSON

  /// - Parameters:
  ///   - changes: what of the code changed: `source Stages/Kinds/Train.swift changed`.
  ///   - candidates: how many instances were accepted on this evidence.
  ///   - facts: of where the evidence was computed: host, instruction set, versions.
  public init(
    from: Digest, time: String, changes: [String], evidence: [Evidence], candidates: Int, facts: JSON
  ) {
    self.from = from
    json = [
      "from": .string(from.hex), "time": .string(time), "changes": .array(changes.map(JSON.string)),
      "evidence": .array(
        evidence.map {
          ["instance": .string($0.instance), "from": .string($0.from.hex), "key": .string($0.key.hex)]
        }), "candidates": .integer(candidates), "facts": facts,
    ]
  }

  /// Reads what `json` has; nil where it doesn't say from which key.
  public init?(json: JSON) {
    guard let from = json["from"]?.stringValue.flatMap({ Digest(hex: $0) }) else { return nil }
    self.from = from
    self.json = json
  }

  public var time: String? { json["time"]?.stringValue }
  public var changes: [String] { (json["changes"]?.arrayValue ?? []).compactMap(\.stringValue) }

  /// The names of the instances that were computed.
  public var instances: [String] {
    (json["evidence"]?.arrayValue ?? []).compactMap { $0["instance"]?.stringValue }
  }
}

extension Store {
  /// Of the results that were taken over from other code, the keys that they were last recorded under, by their own.
  public func acceptedKeys() throws -> [Digest: Digest] {
    try reading { db in
      var found: [Digest: Digest] = [:]
      let rows = try Row.fetchCursor(db, sql: "SELECT key, source FROM accepted")
      while let row = try rows.next() { found[try Digest(row, 0)] = try Digest(row, 1) }
      return found
    }
  }

  static func enterAcceptance(of record: Record, _ db: Database) throws {
    if let source = record.accepted.last?.from {
      try db.cachedStatement(sql: "INSERT OR REPLACE INTO accepted (key, source) VALUES (?, ?)")
        .execute(arguments: [record.key.data, source.data])
    } else {
      try db.cachedStatement(sql: "DELETE FROM accepted WHERE key = ?").execute(arguments: [record.key.data])
    }
  }
}
