// Owns the memory of runs: who ran what, when, and what came of each instance. It decides no result. What a run says is
// kept at once, so that one that is killed stays visible with all it had done. An instance that is as it was before
// costs nothing: only news are written, and what a run doesn't mention holds from the runs before.

import Canonical
import Foundation
import GRDB
import Synchronization

/// A run's number in its store.
public struct RunID: Hashable, Comparable, Sendable, CustomStringConvertible {
  public let number: Int
  public init(_ number: Int) { self.number = number }
  public var description: String { "\(number)" }
  public static func < (a: RunID, b: RunID) -> Bool { a.number < b.number }
}

/// What became of an instance in a run.
public enum InstanceState: Int, Sendable, CaseIterable {
  /// It was up to date.
  case cached = 0
  case executed = 1
  case failed = 2
  /// It was not started.
  case skipped = 3
  /// It was being computed when the run was interrupted.
  case interrupted = 4
  /// A run of the whole file hadn't it any more.
  case gone = 5

  /// Whether its key has a result.
  public var hasResult: Bool { self == .cached || self == .executed }
}

/// What a run says of an instance.
public struct InstanceNote: Hashable, Sendable {
  public var name: String
  /// nil where what it reads isn't known.
  public var key: Digest?
  public var state: InstanceState
  /// Why it failed.
  public var message: String?

  /// No message is kept longer, in characters.
  public static let longestMessage = 2000

  public init(name: String, key: Digest?, state: InstanceState, message: String? = nil) {
    self.name = name
    self.key = key
    self.state = state
    self.message = message.map { String($0.prefix(InstanceNote.longestMessage)) }
  }
}

/// How a run ended. What later versions say besides stays in `json`.
public struct RunOutcome: Hashable, Sendable {
  public var exitStatus: Int
  public var executed: Int
  public var cached: Int
  public var failed: Int
  public var skipped: Int

  public init(exitStatus: Int, executed: Int, cached: Int, failed: Int, skipped: Int) {
    self.exitStatus = exitStatus
    self.executed = executed
    self.cached = cached
    self.failed = failed
    self.skipped = skipped
  }

  var json: JSON {
    [
      "exitStatus": .integer(exitStatus), "executed": .integer(executed), "cached": .integer(cached),
      "failed": .integer(failed), "skipped": .integer(skipped),
    ]
  }

  init(json: JSON) {
    func count(_ name: String) -> Int { json[name]?.intValue ?? 0 }
    self.init(
      exitStatus: count("exitStatus"), executed: count("executed"), cached: count("cached"),
      failed: count("failed"), skipped: count("skipped"))
  }
}

/// A run, as the store remembers it.
public struct RunEntry: Hashable, Sendable {
  public enum State: Hashable, Sendable {
    /// Its process lives.
    case running
    /// Its process died without a word.
    case unfinished
    case ended(RunOutcome)
  }

  public var id: RunID
  /// The pipeline file, relative to its project's root.
  public var file: String
  public var start: Date
  public var end: Date?
  public var commandLine: [String]
  public var state: State
  /// How many instances it said that it had executed.
  public var executed: Int

  public init(
    id: RunID, file: String, start: Date, end: Date? = nil, commandLine: [String], state: State, executed: Int
  ) {
    self.id = id
    self.file = file
    self.start = start
    self.end = end
    self.commandLine = commandLine
    self.state = state
    self.executed = executed
  }
}

extension Store {
  /// Enters a run that begins. While it lasts, a file of its number under `running/` is locked.
  /// - Parameters:
  ///   - project: the project's root; `file`: the pipeline file, relative to it.
  public func beginRun(project: String, file: String, commandLine: [String]) throws -> RunID {
    // It is shown to whoever asks for the history.
    let commandLine = commandLine.map(RemoteAddress.shown)
    let id = try writing { db in
      let file = try Store.enterFile(project, file, db)
      try db.execute(
        sql: "INSERT INTO runs (file, start, command, process) VALUES (?, ?, ?, ?)",
        arguments: [
          file, Store.now, JSON.array(commandLine.map(JSON.string)).canonical, OwnName().text,
        ])
      let id = RunID(Int(db.lastInsertedRowID))
      // Before anybody can see the run: whose file isn't locked counts as dead.
      if let lock = try lockRun(id, LOCK_EX) {
        // A store that was begun afresh counts from 1 again, perhaps over a dead run's file.
        ftruncate(lock, 0)
        runLocks.withLock { $0[id] = lock }
      }
      return id
    }
    removeDeadRunFiles()
    return id
  }

  /// Remembers what became of instances, any number at a time. Those that are up to date under the key they had cost
  /// no writing.
  public func note(_ run: RunID, _ notes: [InstanceNote]) throws {
    guard !notes.isEmpty else { return }
    try writing { try Store.enter(notes, run, $0) }
  }

  /// Enters a run's end, with which all its leases end.
  public func endRun(_ run: RunID, outcome: RunOutcome) throws {
    try writing { db in
      try db.execute(
        sql: "UPDATE runs SET end = ?, outcome = ? WHERE id = ?",
        arguments: [Store.now, outcome.json.canonical, run.number])
      try db.execute(sql: "DELETE FROM leases WHERE run = ?", arguments: [run.number])
    }
    if let lock = runLocks.withLock({ $0.removeValue(forKey: run) }) {
      unlink(layout.running(run))
      close(lock)
    }
    if runLocks.withLock({ $0.isEmpty }) { unmarked.withLock { $0 = nil } }
  }

  /// What was known of a file's instances at the end of a run, by name: from that run or those before. Those that
  /// the file hadn't any more are left out.
  public func instances(asOf run: RunID) throws -> [String: InstanceNote] {
    try reading { db in
      guard
        let file = try Int.fetchOne(db, sql: "SELECT file FROM runs WHERE id = ?", arguments: [run.number])
      else { return [:] }
      var names: [Int: String] = [:]
      var found: [String: InstanceNote] = [:]
      let known = try Row.fetchCursor(
        db, sql: "SELECT id, name, key, run FROM instances WHERE file = ?", arguments: [file])
      while let row = try known.next() {
        let name: String = row[1]
        names[row[0]] = name
        // Of before runs were kept.
        if row[3] == 0 { found[name] = InstanceNote(name: name, key: try Digest(row, 2), state: .cached) }
      }
      // Beside max(), SQLite takes the other columns from the row that has it (sqlite.org/lang_select.html#bareagg).
      let rows = try Row.fetchCursor(
        db,
        sql: """
          SELECT news.instance, state, key, message, max(run) FROM news JOIN runs ON runs.id = run
          WHERE file = ? AND run <= ? GROUP BY news.instance
          """, arguments: [file, run.number])
      while let row = try rows.next() {
        let state = InstanceState(rawValue: row[1]) ?? .skipped
        guard let name = names[row[0]], state != .gone else { continue }
        found[name] = InstanceNote(
          name: name, key: row.hasNull(atIndex: 2) ? nil : try Digest(row, 2), state: state, message: row[3])
      }
      return found
    }
  }

  /// The key of each instance's newest result, those of runs that were killed included.
  public func lastKeys(project: String, file: String) throws -> [String: Digest] {
    try reading { db in
      guard let id = try Store.fileID(project, file, db) else { return [:] }
      var keys: [String: Digest] = [:]
      let rows = try Row.fetchCursor(
        db, sql: "SELECT name, key FROM instances WHERE file = ? AND key IS NOT NULL", arguments: [id])
      while let row = try rows.next() { keys[row[0]] = try Digest(row, 1) }
      return keys
    }
  }

  /// The keys of an instance's results, newest first, of the newest runs that are remembered.
  public func pastKeys(of instance: String, project: String, file: String) throws -> [Digest] {
    try reading { db in
      guard let file = try Store.fileID(project, file, db) else { return [] }
      let row = try db.cachedStatement(sql: "SELECT id, key FROM instances WHERE file = ? AND name = ?")
        .first([file, instance]) { ($0[0] as Int, $0.hasNull(atIndex: 1) ? nil : try Digest($0, 1)) }
      guard let (id, last) = row else { return [] }
      let statement = try db.cachedStatement(
        sql: """
          SELECT news.key FROM (SELECT id FROM runs WHERE file = ? ORDER BY id DESC LIMIT ?) AS recent
          CROSS JOIN news ON news.run = recent.id AND news.instance = ?
          WHERE news.key IS NOT NULL AND news.state IN (?, ?) ORDER BY news.run DESC
          """)
      var keys: [Digest] = last.map { [$0] } ?? []
      let states = [InstanceState.cached, .executed].map(\.rawValue)
      let rows = try Row.fetchCursor(
        statement, arguments: [file, Store.mostRunsSearched, id, states[0], states[1]])
      while let row = try rows.next() {
        let key = try Digest(row, 0)
        if !keys.contains(key) { keys.append(key) }
      }
      return keys
    }
  }

  /// Earlier results are looked for in so many runs.
  private static let mostRunsSearched = 256

  /// What the newest run that had news of it said of each instance, with the key that it had then.
  public func lastNews(project: String, file: String) throws -> [String: InstanceNote] {
    try reading { db in
      guard let id = try Store.fileID(project, file, db) else { return [:] }
      var found: [String: InstanceNote] = [:]
      // What is known from before runs were kept has no news.
      let rows = try Row.fetchCursor(
        db,
        sql: """
          SELECT name, instances.state, iif(news.run IS NULL, instances.key, news.key), message
          FROM instances LEFT JOIN news ON news.run = instances.run AND news.instance = instances.id
          WHERE file = ?
          """, arguments: [id])
      while let row = try rows.next() {
        let name: String = row[0]
        found[name] = InstanceNote(
          name: name, key: row.hasNull(atIndex: 2) ? nil : try Digest(row, 2),
          state: InstanceState(rawValue: row[1]) ?? .skipped, message: row[3])
      }
      return found
    }
  }

  static func date(_ milliseconds: Int) -> Date { Date(timeIntervalSince1970: Double(milliseconds) / 1000) }
}

// Rows.
extension Store {
  private struct Known {
    var id: Int
    var note: InstanceNote
    var isGone: Bool
  }

  static func enter(_ notes: [InstanceNote], _ run: RunID, _ db: Database) throws {
    let ofRun = try db.cachedStatement(
      sql: "SELECT runs.file, files.instances FROM runs JOIN files ON files.id = runs.file WHERE runs.id = ?")
    guard let (file, before) = try ofRun.first([run.number], { ($0[0] as Int, $0[1] as Int) }) else {
      preconditionFailure("BUG: run \(run) was never begun")
    }
    // All of a file's instances in one pass, or a few by name.
    let known =
      notes.count > 100
      ? try self.known(file, db)
      : try Dictionary(
        notes.compactMap { note in try self.known(file, note.name, db).map { (note.name, $0) } }
      ) { a, _ in a }
    var count = before
    let upsert = try db.cachedStatement(
      sql: """
        INSERT INTO instances (file, name, id, key, state, run) VALUES (?, ?, ?, ?, ?, ?)
        ON CONFLICT (file, name) DO UPDATE SET
          key = coalesce(excluded.key, key), state = excluded.state, run = excluded.run, gone = 0
        """)
    let news = try db.cachedStatement(
      sql: "INSERT OR REPLACE INTO news (run, instance, state, key, message) VALUES (?, ?, ?, ?, ?)")
    for note in notes {
      let earlier = known[note.name]
      if let earlier, !earlier.isGone, isNoNews(note, earlier.note) { continue }
      if earlier == nil { count += 1 }
      let id = earlier?.id ?? count
      let result = note.state.hasResult ? note.key?.data : nil
      try upsert.execute(arguments: [file, note.name, id, result, note.state.rawValue, run.number])
      try news.execute(arguments: [run.number, id, note.state.rawValue, note.key?.data, note.message])
    }
    if count > before {
      try db.cachedStatement(sql: "UPDATE files SET instances = ? WHERE id = ?")
        .execute(arguments: [count, file])
    }
  }

  private static func isNoNews(_ note: InstanceNote, _ earlier: InstanceNote) -> Bool {
    switch note.state {
    case .cached: earlier.state.hasResult && note.key == earlier.key
    // Not to be started says nothing of what happened when it was.
    case .skipped: [.skipped, .failed, .interrupted].contains(earlier.state)
    case .interrupted, .gone: note.state == earlier.state
    case .executed, .failed: false
    }
  }

  private static let columns = "SELECT name, id, key, state, gone FROM instances WHERE file = ?"

  private static func known(_ row: Row) throws -> Known {
    Known(
      id: row[1],
      note: InstanceNote(
        name: row[0], key: row.hasNull(atIndex: 2) ? nil : try Digest(row, 2),
        state: InstanceState(rawValue: row[3]) ?? .skipped), isGone: row[4] != 0)
  }

  private static func known(_ file: Int, _ db: Database) throws -> [String: Known] {
    var found: [String: Known] = [:]
    let rows = try Row.fetchCursor(db, sql: columns, arguments: [file])
    while let row = try rows.next() {
      let known = try known(row)
      found[known.note.name] = known
    }
    return found
  }

  private static func known(_ file: Int, _ name: String, _ db: Database) throws -> Known? {
    try db.cachedStatement(sql: columns + " AND name = ?").first([file, name], known)
  }

  private static func enterFile(_ project: String, _ file: String, _ db: Database) throws -> Int {
    try db.execute(
      sql: "INSERT OR IGNORE INTO files (project, file) VALUES (?, ?)", arguments: [project, file])
    return try fileID(project, file, db)!
  }

  private static func fileID(_ project: String, _ file: String, _ db: Database) throws -> Int? {
    try Int.fetchOne(
      db, sql: "SELECT id FROM files WHERE project = ? AND file = ?", arguments: [project, file])
  }
}

// Who lives: the system takes a dead process's locks back.
extension Store {
  /// A descriptor of a run's file, locked; nil when another process has it.
  private func lockRun(_ id: RunID, _ how: Int32) throws -> Int32? {
    let path = layout.running(id)
    try makeDirectory(layout.running)
    while true {
      let descriptor = Foundation.open(path, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC, 0o644)
      guard descriptor >= 0 else { throw StoreError.failed(to: "lock", path) }
      guard flock(descriptor, how) == 0 else {
        close(descriptor)
        if errno == EINTR { continue }
        return nil
      }
      var mine = stat()
      var now = stat()
      // Somebody may have taken it for a dead one's and removed it before it was locked.
      if fstat(descriptor, &mine) == 0, stat(path, &now) == 0, mine.st_ino == now.st_ino { return descriptor }
      close(descriptor)
    }
  }

  func isAlive(_ id: RunID) -> Bool {
    if runLocks.withLock({ $0[id] != nil }) { return true }
    let descriptor = Foundation.open(layout.running(id), O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return false }
    defer { close(descriptor) }
    return flock(descriptor, LOCK_SH | LOCK_NB) != 0
  }

  private func removeDeadRunFiles() {
    for name in names(in: layout.running) {
      guard let number = Int(name), name == "\(number)", !isAlive(RunID(number)) else { continue }
      // Locked while it is removed, so that nobody counts on it meanwhile.
      guard let lock = try? lockRun(RunID(number), LOCK_EX | LOCK_NB) else { continue }
      unlink("\(layout.running)/\(name)")
      close(lock)
    }
  }
}
