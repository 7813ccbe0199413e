// Owns the index: its tables, their versions, and opening it. SQLite in WAL mode, on a local disk.

import Canonical
import Foundation
import GRDB

/// Where a blob's stored bytes are.
enum Place: Int {
  /// In the index.
  case inline = 0
  /// In `blobs/`.
  case file = 1
  /// Not here; a remote may have them.
  case elsewhere = 2
}

/// Opens `index.sqlite` and brings its tables up to date.
enum Index {
  /// Each entry leads from the version before (its position) to the next. Published entries never change.
  private static let migrations: [String] = [
    """
    -- What a driver asks of 100,000 keys at once is kept apart from the long texts.
    CREATE TABLE outputs (key BLOB PRIMARY KEY, artifacts BLOB NOT NULL) WITHOUT ROWID;
    CREATE TABLE records (key BLOB PRIMARY KEY, text TEXT NOT NULL, time INTEGER NOT NULL);
    CREATE TABLE blobs (
      digest BLOB PRIMARY KEY, size INTEGER NOT NULL, codec TEXT NOT NULL,
      stored BLOB NOT NULL, storedSize INTEGER NOT NULL, place INTEGER NOT NULL) WITHOUT ROWID;
    CREATE TABLE inlineBlobs (digest BLOB PRIMARY KEY, bytes BLOB NOT NULL);
    CREATE TABLE files (id INTEGER PRIMARY KEY, project TEXT NOT NULL, file TEXT NOT NULL, UNIQUE (project, file));
    CREATE TABLE history (
      file INTEGER NOT NULL REFERENCES files, instance TEXT NOT NULL, key BLOB NOT NULL, time INTEGER NOT NULL,
      PRIMARY KEY (file, instance, key)) WITHOUT ROWID;
    CREATE TABLE externalFiles (
      path TEXT PRIMARY KEY, size INTEGER NOT NULL, modified INTEGER NOT NULL, changed INTEGER NOT NULL,
      inode INTEGER NOT NULL, device INTEGER NOT NULL, digest BLOB NOT NULL) WITHOUT ROWID;
    """
  ]

  static func open(at path: String) throws -> DatabasePool {
    var configuration = Configuration()
    configuration.label = "bobbin.index"
    // Several drivers may share a store; a transaction takes milliseconds.
    configuration.busyMode = .timeout(60)
    configuration.prepareDatabase { db in
      try db.execute(sql: "PRAGMA synchronous = NORMAL")
    }
    return try translating(path) {
      let pool = try connected(path, configuration)
      let version = try pool.read { try Int.fetchOne($0, sql: "PRAGMA user_version") ?? 0 }
      if version < migrations.count {
        try pool.write { db in
          // Another process may have been faster.
          let version = try Int.fetchOne(db, sql: "PRAGMA user_version") ?? 0
          guard version < migrations.count else { return }
          for migration in migrations[version...] { try db.execute(sql: migration) }
          try db.execute(sql: "PRAGMA user_version = \(migrations.count)")
        }
      }
      let now = try pool.read { try Int.fetchOne($0, sql: "PRAGMA user_version") ?? 0 }
      guard now == migrations.count else {
        throw StoreError.newer(path: path, found: now, supported: migrations.count)
      }
      return pool
    }
  }

  /// Connects. When several processes open a new store at once, all want to switch it to WAL, and SQLite turns some
  /// away without waiting, since they would wait for each other.
  private static func connected(_ path: String, _ configuration: Configuration) throws -> DatabasePool {
    for _ in 0..<100 {
      do { return try DatabasePool(path: path, configuration: configuration) } catch let error
        as DatabaseError
        where error.resultCode == .SQLITE_BUSY
      { usleep(UInt32.random(in: 5_000...50_000)) }
    }
    return try DatabasePool(path: path, configuration: configuration)
  }

  /// Runs `body`, with SQLite's errors said in the store's words.
  static func translating<T>(_ path: String, _ body: () throws -> T) throws -> T {
    do { return try body() } catch let error as DatabaseError {
      switch error.resultCode {
      case .SQLITE_FULL: throw StoreError.full(path: path)
      case .SQLITE_READONLY, .SQLITE_CANTOPEN, .SQLITE_PERM, .SQLITE_AUTH:
        throw StoreError.cannotWrite(path: path, reason: error.message ?? "\(error.resultCode)")
      case .SQLITE_NOTADB, .SQLITE_CORRUPT:
        throw StoreError.index(
          path: path,
          reason: "the index is damaged (\(error.message ?? "")). Move the store aside and run again; "
            + "a remote, where there is one, gives the results back.")
      case .SQLITE_IOERR where isFull(path): throw StoreError.full(path: path)
      case .SQLITE_BUSY:
        throw StoreError.index(path: path, reason: "another process kept the index locked for a minute")
      default: throw StoreError.index(path: path, reason: "SQLite: \(error)")
      }
    }
  }
}

/// Whether the filesystem has no room left: SQLite tells only of some failures that this was their cause.
private func isFull(_ path: String) -> Bool {
  var status = statvfs()
  return statvfs(path, &status) == 0 && UInt64(status.f_bavail) * UInt64(status.f_frsize) < 128 << 10
}

extension Statement {
  /// Hands the first row to `body`; nil when there is none. The row is valid in there only.
  func first<T>(_ arguments: StatementArguments, _ body: (Row) throws -> T) throws -> T? {
    setUncheckedArguments(arguments)
    let rows = try Row.fetchCursor(self)
    return try withExtendedLifetime(rows) { try rows.next().map(body) }
  }
}

extension Digest {
  /// The 32 bytes, for a statement's arguments.
  var data: Data { withBytes { Data($0) } }

  /// Reads a column of 32 bytes. Anything else means a damaged index.
  init(_ row: Row, _ column: Int) throws {
    let digest = try row.withUnsafeData(atIndex: column) { $0.flatMap { Digest(bytes: $0) } }
    guard let digest else { throw DatabaseError(resultCode: .SQLITE_CORRUPT, message: "not a digest") }
    self = digest
  }
}
