// Owns the driver's view of a store: records by key, published whole or not at all. Reading blobs, sharing, history
// and external files are extensions in their own files.

import Canonical
import Foundation
import GRDB
import Synchronization

/// A content-addressed store: `index.sqlite`, `blobs/`, `open/` and `temporary/` in one directory on a local disk.
/// Several processes may use one store at a time.
public final class Store: Sendable {
  public let directory: URL
  let layout: Layout
  let pool: DatabasePool
  /// Files of raw blobs that this process has verified where they lie, with their modification times.
  let verifiedInPlace = Mutex<[String: Int]>([:])
  let attached = Mutex<Attachment?>(nil)

  /// What remotes turned out to have wrong, by stored digest or key: the next push puts it right.
  let wrongRemotely = Mutex<Set<Digest>>([])

  /// A remote to fetch missing blobs from, and whom to tell what it got wrong.
  struct Attachment: Sendable {
    var remote: any Remote
    var warn: @Sendable (String) -> Void
  }

  /// Opens the store in a directory, which is created if need be. Removes what dead processes left half written.
  public static func open(at directory: URL) throws -> Store { try Store(directory.standardizedFileURL) }

  private init(_ directory: URL) throws {
    self.directory = directory
    layout = Layout(directory)
    var isDirectory: ObjCBool = false
    if FileManager.default.fileExists(atPath: layout.root, isDirectory: &isDirectory), !isDirectory.boolValue
    {
      throw StoreError.notADirectory(path: layout.root)
    }
    do {
      try makeDirectory(layout.root)
      try makeDirectory(layout.temporary)
    } catch StoreError.system(_, _, let reason) {
      throw StoreError.cannotWrite(path: layout.root, reason: reason)
    }
    guard access(layout.root, W_OK | X_OK) == 0 else {
      throw StoreError.cannotWrite(path: layout.root, reason: String(cString: strerror(errno)))
    }
    pool = try Index.open(at: layout.index)
    Temporary.removeStale(in: layout.temporary)
    forgetOpenedBeforeReboot()
  }

  /// The record of a key, if there is one.
  public func record(for key: Digest) throws -> Record? {
    guard
      let text = try reading({
        try String.fetchOne($0, sql: "SELECT text FROM records WHERE key = ?", arguments: [key.data])
      })
    else { return nil }
    return try Record(parsing: Array(text.utf8))
  }

  /// The artifacts of many keys' records, without their texts. Keys without a record are left out.
  public func outputs(for keys: [Digest]) throws -> [Digest: [String: Artifact]] {
    try reading { db in
      var found: [Digest: [String: Artifact]] = [:]
      found.reserveCapacity(keys.count)
      // Many keys a statement: measured, a quarter less time than one by one.
      let many = 256
      let marks = Array(repeating: "?", count: many).joined(separator: ",")
      let statement = try db.cachedStatement(
        sql: "SELECT key, artifacts FROM outputs WHERE key IN (\(marks))")
      for start in stride(from: 0, to: keys.count, by: many) {
        let batch = keys[start..<min(start + many, keys.count)]
        let padding = repeatElement(Data(), count: many - batch.count)
        statement.setUncheckedArguments(StatementArguments(batch.map(\.data) + padding))
        let rows = try Row.fetchCursor(statement)
        while let row = try rows.next() { found[try Digest(row, 0)] = try Store.artifacts(row, 1) }
      }
      return found
    }
  }

  /// What publishing a record came to.
  public enum Publication: Hashable, Sendable {
    case published
    /// A record with the same artifacts was there; it stays.
    case alreadyThere
    /// A record with other artifacts was there first; it stays.
    case conflict(existing: Record)
  }

  /// Publishes a record with the blobs that its stage wrote, in one transaction: a reader sees all or nothing.
  /// With `replacing`, another record of the key gives way: that is for a rebuild whose outcome the run adopts
  /// because the earlier bytes are lost.
  /// - Throws: `.missing` when the record names a blob that was neither written now nor is in the store; `.full`.
  public func publish(_ record: Record, blobs: [WrittenBlob], replacing: Bool = false) throws -> Publication {
    let listed = Set(record.blobs.map(\.digest))
    for blob in blobs where !listed.contains(blob.digest) {
      throw StoreError.record(reason: "its stage wrote blob \(blob.digest), which it doesn't list")
    }
    for blob in blobs where blob.inline == nil {
      try checkFile(of: blob.form)
    }
    return try writing { db in
      if let text = try String.fetchOne(
        db, sql: "SELECT text FROM records WHERE key = ?", arguments: [record.key.data])
      {
        let existing = try Record(parsing: Array(text.utf8))
        if existing.artifacts == record.artifacts {
          try Store.register(blobs, db)
          return .alreadyThere
        }
        guard replacing else { return .conflict(existing: existing) }
      }
      try Store.register(blobs, db)
      let written = Set(blobs.map(\.digest))
      for blob in record.blobs where !written.contains(blob.digest) {
        guard try Store.row(of: blob.digest, db) != nil else { throw StoreError.missing(blob.digest) }
      }
      try Store.insert(record, db)
      return .published
    }
  }

  /// Whether the file of a blob just written has the length it should have.
  private func checkFile(of blob: StoredBlob) throws {
    var status = stat()
    guard stat(layout.blob(blob.digest, blob.codec), &status) == 0, Int(status.st_size) == blob.storedSize
    else {
      throw StoreError.missing(blob.digest)
    }
  }

  static func insert(_ record: Record, _ db: Database) throws {
    try db.execute(
      sql: "INSERT OR REPLACE INTO records (key, text, time) VALUES (?, ?, ?)",
      arguments: [record.key.data, record.text, Store.now])
    try db.execute(
      sql: "INSERT OR REPLACE INTO outputs (key, artifacts) VALUES (?, ?)",
      arguments: [record.key.data, Store.packed(record.artifacts)])
  }

  /// Milliseconds since 1970.
  static var now: Int { Int(Date().timeIntervalSince1970 * 1000) }

  func reading<T>(_ body: (Database) throws -> T) throws -> T {
    try Index.translating(layout.index) { try pool.read(body) }
  }

  func writing<T>(_ body: (Database) throws -> T) throws -> T {
    try Index.translating(layout.index) { try pool.write(body) }
  }
}

// Artifacts packed into a column: parsing 100,000 JSON texts would take a second. Each is: form (0 blob, 1 manifest),
// digest (32 bytes), size (8, little-endian), length of the name (4), name.
extension Store {
  static func packed(_ artifacts: [String: Artifact]) -> Data {
    var out = Data()
    for (name, artifact) in artifacts.sorted(by: { $0.key < $1.key }) {
      out.append(artifact.form == .blob ? 0 : 1)
      out.append(contentsOf: artifact.digest.bytes)
      withUnsafeBytes(of: Int64(artifact.size).littleEndian) { out.append(contentsOf: $0) }
      withUnsafeBytes(of: Int32(name.utf8.count).littleEndian) { out.append(contentsOf: $0) }
      out.append(contentsOf: name.utf8)
    }
    return out
  }

  static func artifacts(_ row: Row, _ column: Int) throws -> [String: Artifact] {
    let damaged = DatabaseError(resultCode: .SQLITE_CORRUPT, message: "outputs can't be read")
    return try row.withUnsafeData(atIndex: column) { data in
      guard let data else { throw damaged }
      return try data.withUnsafeBytes { bytes in
        var artifacts: [String: Artifact] = [:]
        var i = 0
        while i < bytes.count {
          guard i + 45 <= bytes.count, bytes[i] <= 1, let digest = Digest(bytes: bytes[i + 1..<i + 33]) else {
            throw damaged
          }
          let size = Int(Int64(littleEndian: bytes.loadUnaligned(fromByteOffset: i + 33, as: Int64.self)))
          let length = Int(Int32(littleEndian: bytes.loadUnaligned(fromByteOffset: i + 41, as: Int32.self)))
          guard length >= 0, i + 45 + length <= bytes.count else { throw damaged }
          let name = String(decoding: bytes[i + 45..<i + 45 + length], as: UTF8.self)
          artifacts[name] = Artifact(bytes[i] == 0 ? .blob : .manifest, digest, size: size)
          i += 45 + length
        }
        return artifacts
      }
    }
  }
}
