// Owns going through all records, and finding out whose results they are.

import Canonical
import GRDB

/// An instance that has, or had, a result.
public struct ResultOwner: Hashable, Sendable {
  public var project: String
  public var file: String
  public var instance: String
  /// Whether it is the instance's newest result there.
  public var isNewest: Bool

  public init(project: String, file: String, instance: String, isNewest: Bool) {
    self.project = project
    self.file = file
    self.instance = instance
    self.isNewest = isNewest
  }
}

extension Store {
  /// Hands the key and the text of every record to `body`, in the order in which they were published here. What can't be
  /// read is left out.
  public func eachRecord(_ body: (_ key: Digest, _ text: [UInt8]) throws -> Void) throws {
    try reading { db in
      let rows = try Row.fetchCursor(db, sql: "SELECT key, text, base FROM records ORDER BY rowid")
      while let row = try rows.next() {
        guard let text = try Store.recordText(row, 1, db) else { continue }
        try body(try Digest(row, 0), text)
      }
    }
  }

  /// The instances whose results have these keys, now or in an earlier run, by key. Those that nobody here remembers are
  /// left out.
  public func owners(of keys: Set<Digest>) throws -> [Digest: Set<ResultOwner>] {
    try reading { db in
      var found: [Digest: Set<ResultOwner>] = [:]
      for (isNewest, sql) in [
        (
          true,
          """
          SELECT key, project, files.file, name FROM instances JOIN files ON files.id = instances.file
          WHERE key IS NOT NULL
          """
        ),
        (
          false,
          """
          SELECT news.key, project, files.file, name FROM news JOIN runs ON runs.id = news.run
            JOIN files ON files.id = runs.file
            JOIN instances ON instances.file = runs.file AND instances.id = news.instance
          WHERE news.key IS NOT NULL AND news.state IN (0, 1)
          """
        ),
      ] {
        let rows = try Row.fetchCursor(db, sql: sql)
        while let row = try rows.next() {
          let key = try Digest(row, 0)
          guard keys.contains(key), isNewest || found[key] == nil || !found[key]!.contains(where: \.isNewest)
          else { continue }
          found[key, default: []].insert(
            ResultOwner(project: row[1], file: row[2], instance: row[3], isNewest: isNewest))
        }
      }
      return found
    }
  }
}
