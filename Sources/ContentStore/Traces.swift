// Owns what commands opened without declaring it, by their actions: where to look again before a result counts. What such
// a set is good for is the engine's to know.

import Canonical
import GRDB

extension Store {
  /// So many sets are kept of one action: which files a command opens may depend on what it finds in others.
  private static let mostTraces = 8

  /// The sets kept of these actions, the newest first.
  public func traces(of actions: [Digest]) throws -> [Digest: [String]] {
    try reading { db in
      let statement = try db.cachedStatement(
        sql: "SELECT trace FROM traces WHERE action = ? ORDER BY time DESC, trace")
      var found: [Digest: [String]] = [:]
      for action in actions {
        let traces = try String.fetchAll(statement, arguments: [action.data])
        if !traces.isEmpty { found[action] = traces }
      }
      return found
    }
  }

  /// Keeps a set as the newest of an action's.
  public func keep(trace: String, of action: Digest) throws {
    try writing { db in
      try db.cachedStatement(sql: "INSERT OR REPLACE INTO traces (action, trace, time) VALUES (?, ?, ?)")
        .execute(arguments: [action.data, trace, Store.now])
      try db.cachedStatement(
        sql: """
          DELETE FROM traces WHERE action = ?1 AND trace NOT IN (
            SELECT trace FROM traces WHERE action = ?1 ORDER BY time DESC, trace LIMIT ?2)
          """
      ).execute(arguments: [action.data, Store.mostTraces])
    }
  }
}
