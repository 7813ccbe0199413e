// Owns the short cut past the memory of a file's instances: one digest that says that nothing of it has changed, so that
// a run that finds a million instances up to date doesn't read a million rows to learn that it has no news.

import Canonical
import Foundation
import GRDB

extension Store {
  /// Takes down what stands for all that this run said of its instances. Whatever else is noted of an instance of the
  /// run's file, by whomever, takes it back (triggers of the index see to that).
  public func seal(_ run: RunID, _ seal: Digest) throws {
    try writing { db in
      try db.execute(
        sql: "UPDATE files SET seal = ? WHERE id = (SELECT file FROM runs WHERE id = ?)",
        arguments: [seal.data, run.number])
    }
  }

  /// Whether all that this stands for is remembered of a file, and nothing else was noted since.
  public func isSealed(_ seal: Digest, project: String, file: String) throws -> Bool {
    try reading { db in
      try db.cachedStatement(sql: "SELECT seal = ? FROM files WHERE project = ? AND file = ?")
        .first([seal.data, project, file]) { $0[0] as Bool? } == true
    }
  }
}
