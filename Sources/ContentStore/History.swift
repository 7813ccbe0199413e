// Owns which keys an instance has had: the memory from which "what changed" is told. It decides no result.

import Canonical
import Foundation
import GRDB

extension Store {
  /// The newest key of each instance of a pipeline file.
  public func lastKeys(project: String, file: String) throws -> [String: Digest] {
    try reading { db in
      guard let id = try Store.fileID(project, file, db) else { return [:] }
      return try Store.lastKeys(id, db).mapValues(\.key)
    }
  }

  /// Remembers the keys that instances have now.
  public func remember(project: String, file: String, entries: [(instance: String, key: Digest)]) throws {
    guard !entries.isEmpty else { return }
    try writing { db in
      try db.execute(
        sql: "INSERT OR IGNORE INTO files (project, file) VALUES (?, ?)", arguments: [project, file])
      let id = try Store.fileID(project, file, db)!
      let last = try Store.lastKeys(id, db)
      let statement = try db.cachedStatement(
        sql: "INSERT OR REPLACE INTO history (file, instance, key, time) VALUES (?, ?, ?, ?)")
      for (instance, key) in entries where last[instance]?.key != key {
        // Clocks step back; the newest stays the newest.
        let time = max(Store.now, (last[instance]?.time ?? 0) + 1)
        try statement.execute(arguments: [id, instance, key.data, time])
      }
    }
  }

  private static func fileID(_ project: String, _ file: String, _ db: Database) throws -> Int? {
    try Int.fetchOne(
      db, sql: "SELECT id FROM files WHERE project = ? AND file = ?", arguments: [project, file])
  }

  private static func lastKeys(_ id: Int, _ db: Database) throws -> [String: (key: Digest, time: Int)] {
    // Beside max(), SQLite takes the other columns from the row that has it (sqlite.org/lang_select.html#bareagg).
    let rows = try Row.fetchCursor(
      db, sql: "SELECT instance, key, max(time) FROM history WHERE file = ? GROUP BY instance",
      arguments: [id])
    var keys: [String: (key: Digest, time: Int)] = [:]
    while let row = try rows.next() { keys[row[0]] = (try Digest(row, 1), row[2]) }
    return keys
  }
}
