// Owns pins: results that are never freed, with all that they were made from. Which results those are is the engine's to
// know.

import Canonical
import Foundation
import GRDB

/// A result that is kept for good.
public struct Pin: Hashable, Sendable {
  public var key: Digest
  /// What it was called when it was pinned.
  public var note: String
  public var time: Date
  /// How many results are kept with it, itself included.
  public var results: Int
}

extension Store {
  /// Keeps a result for good, and the others that it was made from. One that is pinned already has them anew.
  public func pin(_ key: Digest, note: String, with others: [Digest]) throws {
    try writing { db in
      try Store.unpin([key], db)
      try db.execute(
        sql: "INSERT INTO pins (key, time, note) VALUES (?, ?, ?)", arguments: [key.data, Store.now, note])
      let statement = try db.cachedStatement(sql: "INSERT OR IGNORE INTO pinned (pin, key) VALUES (?, ?)")
      for other in [key] + others { try statement.execute(arguments: [key.data, other.data]) }
    }
  }

  /// Lets these results go like others.
  /// - Returns: how many of them were pinned.
  @discardableResult public func unpin(_ keys: [Digest]) throws -> Int {
    try writing { try Store.unpin(keys, $0) }
  }

  @discardableResult private static func unpin(_ keys: [Digest], _ db: Database) throws -> Int {
    var count = 0
    for key in keys {
      try db.cachedStatement(sql: "DELETE FROM pinned WHERE pin = ?").execute(arguments: [key.data])
      try db.cachedStatement(sql: "DELETE FROM pins WHERE key = ?").execute(arguments: [key.data])
      count += db.changesCount
    }
    return count
  }

  /// All pins, by what they were called.
  public func pins() throws -> [Pin] {
    try reading { db in
      let rows = try Row.fetchAll(
        db,
        sql: """
          SELECT key, note, time, (SELECT count(*) FROM pinned WHERE pin = pins.key) FROM pins ORDER BY note, key
          """)
      return try rows.map {
        Pin(key: try Digest($0, 0), note: $0[1], time: Store.date($0[2]), results: $0[3])
      }
    }
  }

  static func pinnedKeys(_ db: Database) throws -> Set<Digest> {
    var keys = Set<Digest>()
    let rows = try Row.fetchCursor(db, sql: "SELECT key FROM pinned")
    while let row = try rows.next() { keys.insert(try Digest(row, 0)) }
    return keys
  }
}
