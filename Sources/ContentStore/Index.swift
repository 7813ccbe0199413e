// Owns opening the index (SQLite in WAL mode, on a local disk), and SQLite's errors in the store's words. The tables
// are Schema.swift's.

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
  /// SQLite takes paths up to 512 bytes, its own endings included.
  static let longestPath = 500

  static func open(at path: String) throws -> DatabasePool {
    var configuration = Configuration()
    configuration.label = "bobbin.index"
    // Several drivers may share a store; a transaction takes milliseconds.
    configuration.busyMode = .timeout(60)
    configuration.prepareDatabase { db in
      try db.execute(sql: "PRAGMA synchronous = NORMAL")
    }
    return try translating(path) {
      if access(path, F_OK) == 0 { try checkVersion(path) }
      let pool = try connected(path, configuration)
      let found = try pool.read(state)
      try check(found, path)
      guard found.version < Schema.version else { return pool }
      try pool.write { db in
        // Another process may have been faster.
        let version = try state(db).version
        for step in Schema.steps.dropFirst(version) { try step(db) }
        if version < Schema.version { try db.execute(sql: "PRAGMA user_version = \(Schema.version)") }
      }
      try check(try pool.read(state), path)
      return pool
    }
  }

  /// Opens an index where nothing can be written.
  static func openReadOnly(at path: String) throws -> DatabaseQueue {
    try translating(path) {
      // Beside a write-ahead log SQLite wants a file of its own to share memory. Without one nothing is left to be
      // written, and the index can be read as it stands.
      var log = stat()
      let queue = try reader(path, immutable: stat(path + "-wal", &log) != 0 || log.st_size == 0)
      let (version, isEmpty) = try queue.read(state)
      try check((version, isEmpty), path)
      guard version == Schema.version else {
        throw StoreError.cannotWrite(
          path: path, reason: "an earlier version of bobbin made it, so it has to be brought up to date first"
        )
      }
      return queue
    }
  }

  /// Refuses an index of another program or a later version before anything touches it.
  private static func checkVersion(_ path: String) throws {
    // The version stands in the file's header (sqlite.org/fileformat.html); the usual one needs no closer look, and
    // an empty file is a new index.
    guard let header = try OpenFile.reading(path)?.start(100), !header.isEmpty else { return }
    if header.count == 100, header[60..<64].elementsEqual([0, 0, 0, UInt8(Schema.version)]) { return }
    try check(reader(path, immutable: false).read(state), path)
  }

  private static func check(_ state: (version: Int, isEmpty: Bool), _ path: String) throws {
    if state.version > Schema.version {
      throw StoreError.newer(path: path, found: state.version, supported: Schema.version)
    }
    if state.version < 0 || (state.version == 0 && !state.isEmpty) {
      throw StoreError.index(
        path: path,
        reason: "says that it is of version \(state.version), which bobbin never writes: it is another "
          + "program's, or damaged. Move it aside, or choose another place with --store.")
    }
  }

  private static func state(_ db: Database) throws -> (version: Int, isEmpty: Bool) {
    (
      try Int.fetchOne(db, sql: "PRAGMA user_version") ?? 0,
      try Int.fetchOne(db, sql: "SELECT count(*) FROM sqlite_master") == 0
    )
  }

  private static func reader(_ path: String, immutable: Bool) throws -> DatabaseQueue {
    var configuration = Configuration()
    configuration.label = "bobbin.index"
    configuration.readonly = true
    configuration.busyMode = .timeout(60)
    guard immutable else { return try DatabaseQueue(path: path, configuration: configuration) }
    let plain = CharacterSet.urlPathAllowed.subtracting(CharacterSet(charactersIn: "?#%;"))
    let escaped = path.addingPercentEncoding(withAllowedCharacters: plain) ?? path
    return try DatabaseQueue(path: "file:\(escaped)?immutable=1", configuration: configuration)
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

/// Whether the filesystem has no room left, or a file of the index has come to the limit that files have: SQLite tells
/// only of some failures that this was their cause.
private func isFull(_ path: String) -> Bool {
  var status = statvfs()
  if statvfs(path, &status) == 0, UInt64(status.f_bavail) * UInt64(status.f_frsize) < 128 << 10 {
    return true
  }
  var limit = rlimit()
  guard getrlimit(__rlimit_resource_t(RLIMIT_FSIZE.rawValue), &limit) == 0, limit.rlim_cur != .max else {
    return false
  }
  // No write of SQLite's is longer.
  let step = 64 << 10
  return ["", "-wal", "-shm"].contains { UInt64((Layout.sizeOfFile(path + $0) ?? 0) + step) > limit.rlim_cur }
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
    let digest = try row.withUnsafeData(atIndex: column) { $0?.withUnsafeBytes { Digest(bytes: $0) } }
    guard let digest else { throw DatabaseError(resultCode: .SQLITE_CORRUPT, message: "not a digest") }
    self = digest
  }
}
