// Owns the driver's view of a store: opening it, and records by key, published whole or not at all. Reading blobs,
// sharing, runs and external files are extensions in their own files.

import Canonical
import Foundation
import GRDB
import Synchronization

/// A content-addressed store: `index.sqlite`, `blobs/`, `open/` and `temporary/` in one directory on a local disk.
/// Several processes may use one store at a time, and several threads of each.
public final class Store: Sendable {
  public let directory: URL
  /// Whether nothing can be written here: what is there can be read all the same.
  public let isReadOnly: Bool
  let layout: Layout
  private let database: any DatabaseWriter
  private let indexFile: Stamp?
  private let lock: StoreLock
  /// Files that this process has verified where they lie, as the filesystem described them then.
  let verifiedFiles = Mutex<[String: Stamp]>([:])
  let attached = Mutex<Attachment?>(nil)
  /// The locked files of this process's runs.
  let runLocks = Mutex<[RunID: Int32]>([:])
  /// Held until they end when they can't mark what they use.
  let unmarked = Mutex<FreeLock?>(nil)

  /// The folder of opened copies, where the store itself can't have them.
  let opened = Mutex<String?>(nil)

  /// Whom to tell of files outside that are hashed.
  let hashing = Mutex<HashingObserver?>(nil)

  /// What remotes turned out to have wrong, by stored digest or key: the next push there puts it right.
  let wrongRemotely = Mutex<[String: Set<Digest>]>([:])

  /// Whose records count.
  let beliefs = Mutex(Trust.State())

  let trafficWatch = Mutex(TrafficWatch())
  let fetches = FetchesUnderWay()

  /// Remotes to fetch missing blobs from, in order, and whom to tell what they got wrong.
  struct Attachment: Sendable, CustomStringConvertible {
    var remotes: [any Remote]
    var warn: @Sendable (String) -> Void

    var description: String { remotes.map { "\($0)" }.joined(separator: ", ") }
  }

  /// Opens the store in a directory, which is created if need be. Removes what dead processes left half written.
  /// Where nothing can be written, a store that is there is opened for reading.
  /// - Parameter indexFolder: where the index of a new store is to lie, on a local disk; nil: in the store.
  /// - Throws: `.notAStore` for a folder that holds something else, and for no path at all.
  public static func open(at directory: URL, indexFolder: String? = nil) throws -> Store {
    let directory = directory.standardizedFileURL
    if let indexFolder { try placeIndex(of: directory, in: indexFolder) }
    return try Store(directory)
  }

  /// Opens the store at a place as somebody wrote it, relative to `base`. An empty one is refused: it would mean
  /// `base` itself, where a variable wasn't set.
  public static func open(at place: String, relativeTo base: URL, indexFolder: String? = nil) throws -> Store
  {
    guard !place.isEmpty else { throw StoreError.notAStore(path: "", reason: "the path is empty") }
    let directory = place.hasPrefix("/") ? URL(fileURLWithPath: place) : base.appending(path: place)
    return try open(at: directory, indexFolder: indexFolder)
  }

  private init(_ directory: URL) throws {
    self.directory = directory
    layout = Layout(directory)
    try Store.check(layout)
    isReadOnly = try !Store.prepare(layout)
    lock = try StoreLock(layout.lock)
    database =
      isReadOnly ? try Index.openReadOnly(at: layout.index) : try Index.open(at: layout.index)
    indexFile = Stamp(layout.index)
    if !isReadOnly { OwnFolder(layout.temporary)?.removeStaleFiles() }
  }

  deinit {
    for (_, descriptor) in runLocks.withLock({ $0 }) { close(descriptor) }
    if let folder = opened.withLock({ $0 }) { try? FileManager.default.removeItem(atPath: folder) }
  }

  /// Refuses what can't be a store, before anything in it is touched.
  static func check(_ layout: Layout) throws {
    guard layout.index.utf8.count <= Index.longestPath else {
      throw StoreError.cannotWrite(
        path: layout.root,
        reason: "the path is longer than the \(Index.longestPath - 13) bytes that SQLite leaves for it")
    }
    var isDirectory: ObjCBool = false
    guard FileManager.default.fileExists(atPath: layout.root, isDirectory: &isDirectory) else { return }
    guard isDirectory.boolValue else { throw StoreError.notADirectory(path: layout.root) }
    try checkLink(layout)
    if access(layout.index, F_OK) == 0 { return }
    if let foreign = names(in: layout.root).filter({ !Layout.names.contains($0) }).min() {
      throw StoreError.notAStore(
        path: layout.root, reason: "it holds \(foreign.debugDescription) and so on, but no index.sqlite")
    }
  }

  /// Makes the folders; false where nothing can be written and there is an index to be read.
  private static func prepare(_ layout: Layout) throws -> Bool {
    let canRead = access(layout.index, R_OK) == 0
    do {
      try makeDirectory(layout.root)
      if canRead, access(layout.root, W_OK | X_OK) != 0 || access(layout.index, W_OK) != 0 { return false }
      try makeDirectory(layout.temporary)
    } catch StoreError.system(_, _, let reason) {
      throw StoreError.cannotWrite(path: layout.root, reason: reason)
    }
    guard access(layout.root, W_OK | X_OK) == 0 else {
      throw StoreError.cannotWrite(path: layout.root, reason: String(cString: strerror(errno)))
    }
    return true
  }

  /// The record of a key, if there is one. What stands in its place without being one is as good as none, as is one from
  /// a remote that isn't believed.
  /// - Throws: `.newerRecord`.
  public func record(for key: Digest) throws -> Record? {
    isDoubted(key) ? nil : try reading { try Store.record(for: key, $0) }
  }

  static func record(for key: Digest, _ db: Database) throws -> Record? {
    let statement = try db.cachedStatement(sql: "SELECT text, base FROM records WHERE key = ?")
    guard let text = try statement.first([key.data], { try recordText($0, 0, db) }) ?? nil else { return nil }
    do {
      let record = try Record(parsing: text)
      return record.key == key ? record : nil
    } catch StoreError.record { return nil }
  }

  /// What many keys' records say in short, without their texts. Keys without a record are left out.
  public func outputs(for keys: [Digest]) throws -> [Digest: KnownOutputs] {
    try mark(keys.lazy.map { .record($0) })
    return try reading { try outputs(for: keys, $0) }
  }

  /// As `Store.outputs`, of what is believed.
  func outputs(for keys: [Digest], _ db: Database) throws -> [Digest: KnownOutputs] {
    var found = try Store.outputs(for: keys, db)
    for key in doubted(keys) { found[key] = nil }
    return found
  }

  static func outputs(for keys: [Digest], _ db: Database) throws -> [Digest: KnownOutputs] {
    var found: [Digest: KnownOutputs] = [:]
    found.reserveCapacity(keys.count)
    // Many keys a statement: measured, a quarter less time than one by one. A few would be padding mostly.
    let many = keys.count < 32 ? 1 : 256
    let marks = Array(repeating: "?", count: many).joined(separator: ",")
    let statement = try db.cachedStatement(
      sql: "SELECT key, artifacts, seal, platform FROM outputs WHERE key IN (\(marks))")
    var doubtful: [Digest] = []
    for start in stride(from: 0, to: keys.count, by: many) {
      let batch = keys[start..<min(start + many, keys.count)]
      let padding = repeatElement(Data(), count: many - batch.count)
      statement.setUncheckedArguments(StatementArguments(batch.map(\.data) + padding))
      let rows = try Row.fetchCursor(statement)
      while let row = try rows.next() {
        let key = try Digest(row, 0)
        if let artifacts = try Store.artifacts(of: key, row, 1) {
          found[key] = KnownOutputs(artifacts: artifacts, platform: row[3])
        } else {
          doubtful.append(key)
        }
      }
    }
    for key in doubtful { found[key] = try Store.record(for: key, db).map(KnownOutputs.init) }
    return found
  }

  /// What publishing a record came to.
  public enum Publication: Hashable, Sendable {
    case published
    /// A record with the same artifacts was there; it stays.
    case alreadyThere
    /// A record with other artifacts was there first; it stays.
    case conflict(existing: Record)
    /// A record with other artifacts was there and gave way, as `replacing` asked.
    case replaced(earlier: Record)
    /// Another run has taken over the key's lease: nothing was published.
    case leased(LeaseHolder)
  }

  /// Publishes a record with the blobs that its stage wrote, in one transaction: a reader sees all or nothing.
  /// With `replacing`, another record of the key gives way: that is for a rebuild whose outcome the run adopts
  /// because the earlier bytes are lost. With `noting`, the run says with it that this instance of its was executed,
  /// and gives the key's lease back; one that has lost it to another run publishes nothing.
  /// - Throws: `.missing` when the record names a blob that was neither written now nor is in the store; `.full`;
  ///   `.record` when the record is too long to be read again.
  public func publish(
    _ record: Record, blobs: [WrittenBlob], replacing: Bool = false,
    noting: (run: RunID, instance: String)? = nil
  ) throws -> Publication {
    guard record.text.utf8.count <= Record.longest else {
      throw StoreError.record(
        reason: "\(record.text.utf8.count) bytes, more than the \(Record.longest) allowed: its action takes "
          + "\(record.action.canonical.utf8.count), its \(record.blobs.count) blobs the most of the rest")
    }
    let listed = Set(record.blobs.map(\.digest))
    for blob in blobs where !listed.contains(blob.digest) {
      throw StoreError.record(reason: "its stage wrote blob \(blob.digest), which it doesn't list")
    }
    for blob in blobs where blob.inline == nil {
      try checkFile(of: blob.form)
    }
    let manifests = Store.manifests(in: record.artifacts.values, blobs)
    let isDoubted = self.isDoubted(record.key)
    let publication: Publication = try writing { db in
      if let (run, instance) = noting {
        if let successor = try successor(of: run, for: record.key, db) { return .leased(successor) }
        try Store.release(record.key, run, db)
        try Store.enter([InstanceNote(name: instance, key: record.key, state: .executed)], run, db)
      }
      let existing = isDoubted ? nil : try Store.record(for: record.key, db)
      if let existing {
        if existing.artifacts == record.artifacts {
          try Store.register(blobs, db)
          return .alreadyThere
        }
        guard replacing else { return .conflict(existing: existing) }
      }
      try Store.register(blobs, db)
      let written = Set(blobs.map(\.digest))
      for blob in record.blobs where !written.contains(blob.digest) {
        guard try !Store.rows(of: blob.digest, db).isEmpty else { throw StoreError.missing(blob.digest) }
      }
      try Store.insert(record, db)
      try Store.enterAsOwn(record.key, db)
      for (digest, manifest) in manifests { try Store.enter(manifest, digest, db) }
      return existing.map { .replaced(earlier: $0) } ?? .published
    }
    if isDoubted { clearDoubt(record.key, isPulled: false) }
    return publication
  }

  /// Whether the file of a blob just written has the length it should have.
  private func checkFile(of blob: StoredBlob) throws {
    guard Layout.sizeOfFile(layout.blob(blob.digest, blob.codec)) == blob.storedSize else {
      throw StoreError.missing(blob.digest)
    }
  }

  static func insert(_ record: Record, _ db: Database) throws {
    let packed = Store.packed(record.artifacts)
    let (text, base) = try Store.packed(record, db)
    try db.cachedStatement(sql: "INSERT OR REPLACE INTO records (key, text, base, time) VALUES (?, ?, ?, ?)")
      .execute(arguments: [record.key.data, text, base, Store.now])
    try db.cachedStatement(
      sql: "INSERT OR REPLACE INTO outputs (key, artifacts, seal, platform) VALUES (?, ?, ?, ?)"
    ).execute(arguments: [
      record.key.data, packed, packed.withUnsafeBytes { Store.seal(record.key, $0) },
      Record.platformNumber(of: record.facts),
    ])
    try db.cachedStatement(sql: "DELETE FROM logs WHERE key = ?").execute(arguments: [record.key.data])
    try Store.enterAcceptance(of: record, db)
  }

  /// Milliseconds since 1970.
  static var now: Int { Int(Date().timeIntervalSince1970 * 1000) }

  /// Gives the room of what was deleted in the index back to the disk, where that is most of it. It only saves room, so
  /// where it can't be done it isn't.
  func compact() {
    let (free, all) =
      (try? reading { db in
        (
          try Int.fetchOne(db, sql: "PRAGMA freelist_count") ?? 0,
          try Int.fetchOne(db, sql: "PRAGMA page_count") ?? 0
        )
      }) ?? (0, 0)
    if free > 4096, free > all / 2 { try? database.vacuum() }
    try? database.writeWithoutTransaction { _ = try $0.checkpoint(.truncate) }
  }

  func reading<T>(_ body: (Database) throws -> T) throws -> T {
    try Index.translating(layout.index) { try database.read(body) }
  }

  package func writing<T>(_ body: (Database) throws -> T) throws -> T {
    guard !isReadOnly else {
      throw StoreError.cannotWrite(path: layout.root, reason: "it was opened for reading")
    }
    // SQLite goes on with a file that has lost its name: what is written there nobody reads.
    guard let now = Stamp(layout.index), let indexFile,
      (now.inode, now.device) == (indexFile.inode, indexFile.device)
    else {
      throw StoreError.index(
        path: layout.index, reason: "was removed or replaced while it was in use. Run again; blobs are kept.")
    }
    return try Index.translating(layout.index) { try database.write(body) }
  }
}
