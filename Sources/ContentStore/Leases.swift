// Owns who computes what: a lease for each key that a run computes, so that drivers on one store share work instead of
// doubling it. A lease is a row of the index, and holds while the file of its run under `running/` is locked, which the
// system undoes when the process ends, however it ends. No clock is asked. A lease of a process that lives is never
// broken, even when that is stopped; one of a dead process passes to whoever asks next.

import Canonical
import Foundation
import GRDB

/// Who has a lease.
public struct LeaseHolder: Hashable, Sendable {
  public var run: RunID
  /// The id of the driver's process.
  public var process: Int

  public init(run: RunID, process: Int) {
    self.run = run
    self.process = process
  }
}

/// What came of asking for a lease.
public enum LeaseAnswer: Hashable, Sendable {
  /// It is the run's. The fence grows whenever a key's lease passes from a dead run to another: what outlived its
  /// driver, and says under which fence it was begun, is told from what its successor does.
  case granted(fence: Int)
  /// The key has a record.
  case finished(KnownOutputs)
  /// Another run that lives has it.
  case held(LeaseHolder)
}

extension Store {
  /// Asks for the leases of keys, in one transaction: each is granted unless it has a record or a living holder.
  /// Nobody waits, and nobody has to: who holds some and asks for more can't keep others from theirs for ever, since
  /// whatever is held is being computed.
  /// - Parameter regardless: keys that are computed although they have a record.
  public func lease(_ keys: [Digest], to run: RunID, regardless: Set<Digest> = []) throws -> [Digest:
    LeaseAnswer]
  {
    try writing { db in
      let known = try outputs(for: keys.filter { !regardless.contains($0) }, db)
      var living = Living(self, run)
      var answers: [Digest: LeaseAnswer] = [:]
      for key in keys where answers[key] == nil {
        if let outputs = known[key] {
          answers[key] = .finished(outputs)
        } else if let holder = try living.holder(of: key, db) {
          answers[key] = .held(holder)
        } else {
          let statement = try db.cachedStatement(
            sql: """
              INSERT INTO leases (key, run, fence, time) VALUES (?, ?, 1, ?) ON CONFLICT (key) DO UPDATE SET
                fence = iif(run = excluded.run, fence, fence + 1), run = excluded.run, time = excluded.time
              RETURNING fence
              """)
          answers[key] = .granted(
            fence: try statement.first([key.data, run.number, Store.now]) { $0[0] }!)
        }
      }
      return answers
    }
  }

  /// Gives leases of a run back. What another has by now stays its own.
  public func release(_ keys: [Digest], of run: RunID) throws {
    try writing { db in for key in keys { try Store.release(key, run, db) } }
  }

  /// The leases that other runs hold.
  /// - Parameter run: whose own are left out.
  public func leases(besides run: RunID? = nil) throws -> [Digest: LeaseHolder] {
    try reading { db in
      var living = Living(self, run)
      var found: [Digest: LeaseHolder] = [:]
      let rows = try Row.fetchCursor(db, sql: Living.columns)
      while let row = try rows.next() {
        if let holder = living.holder(row) { found[try Digest(row, 2)] = holder }
      }
      return found
    }
  }

  static func release(_ key: Digest, _ run: RunID, _ db: Database) throws {
    try db.cachedStatement(sql: "DELETE FROM leases WHERE key = ? AND run = ?")
      .execute(arguments: [key.data, run.number])
  }

  /// Another run that has taken a key's lease from this one, as happens when its file under `running/` was removed.
  func successor(of run: RunID, for key: Digest, _ db: Database) throws -> LeaseHolder? {
    var living = Living(self, run)
    return try living.holder(of: key, db)
  }
}

/// Who of the runs that have leases lives, each asked once.
private struct Living {
  static let columns = "SELECT run, process, key FROM leases JOIN runs ON runs.id = run"

  private let store: Store
  private let own: RunID?
  private var known: [RunID: Bool] = [:]

  init(_ store: Store, _ own: RunID?) {
    self.store = store
    self.own = own
  }

  /// The other run that lives and has a key's lease.
  mutating func holder(of key: Digest, _ db: Database) throws -> LeaseHolder? {
    try db.cachedStatement(sql: Living.columns + " WHERE key = ?").first([key.data]) { holder($0) } ?? nil
  }

  mutating func holder(_ row: Row) -> LeaseHolder? {
    let run = RunID(row[0])
    if run == own { return nil }
    let lives = known[run] ?? store.isAlive(run)
    known[run] = lives
    return lives ? LeaseHolder(run: run, process: OwnName(row[1])?.processID ?? 0) : nil
  }
}
