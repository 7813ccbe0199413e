// Owns the way of bytes out of the store: everything that leaves has been verified, and a blob that is damaged is
// dropped, restored from its opened copy, fetched from the attached remote, or reported as lost.

import Canonical
import Foundation
import GRDB
import Synchronization

extension Store {
  /// Which of these blobs can be had: they are in the store, or an attached remote is thought to have them. The
  /// bytes aren't verified; reading them does that, and may still find one damaged or gone.
  public func present(_ digests: [Digest]) throws -> Set<Digest> {
    let remote = attached.withLock { $0 != nil }
    return try reading { db in
      var found = Set<Digest>()
      for digest in digests {
        let isThere = try Store.rows(of: digest, db).contains { form, place in
          switch place {
          case .inline: true
          case .elsewhere: remote
          case .file: Layout.sizeOfFile(layout.blob(digest, form.codec)) == form.storedSize
          }
        }
        if isThere { found.insert(digest) }
      }
      return found
    }
  }

  /// Which of these blobs aren't here, and the bytes that fetching them takes.
  public func absent(_ digests: [Digest]) throws -> (digests: Set<Digest>, storedBytes: Int) {
    try reading { db in
      var found = Set<Digest>()
      var bytes = 0
      for digest in digests {
        let rows = try Store.rows(of: digest, db)
        let isHere = rows.contains { form, place in
          switch place {
          case .inline: true
          case .elsewhere: false
          case .file: Layout.sizeOfFile(layout.blob(digest, form.codec)) == form.storedSize
          }
        }
        guard !isHere, let size = rows.first?.0.storedSize, found.insert(digest).inserted else { continue }
        bytes += size
      }
      return (found, bytes)
    }
  }

  /// No blob that is longer is read into memory unless the caller says so: 1 GiB.
  public static let longestInMemory = 1 << 30

  /// A whole blob in memory, verified.
  /// - Throws: `.missing`, `.damaged`; either way the producer has to run again. `.record` when it is longer than
  ///   `limit` bytes, before anything is allocated.
  public func read(_ digest: Digest, limit: Int) throws -> [UInt8] {
    try trying(digest) { try contents($0, $1, limit) }
  }

  /// A whole blob in memory, verified, of at most `longestInMemory` bytes.
  public func read(_ digest: Digest) throws -> [UInt8] { try read(digest, limit: Store.longestInMemory) }

  /// Hands a blob's bytes to `sink`, in pieces, once all of it has been verified.
  /// - Throws: as `file(for:)`, and what `sink` throws.
  public func stream(_ digest: Digest, to sink: ByteSink) throws {
    let url = try file(for: digest)
    guard let file = try OpenFile.reading(url.path) else { throw StoreError.missing(digest) }
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: Codec.block, alignment: 64)
    defer { buffer.deallocate() }
    while true {
      let n = try file.read(into: buffer)
      if n == 0 { return }
      try sink(UnsafeRawBufferPointer(rebasing: buffer[..<n]))
    }
  }

  /// As `read`, of what is in this store alone.
  func readHere(_ digest: Digest, limit: Int) throws -> [UInt8] {
    for (form, place) in try reading({ try Store.rows(of: digest, $0) }) where place != .elsewhere {
      if let bytes = try? contents(form, place, limit) { return bytes }
    }
    throw StoreError.missing(digest)
  }

  private func contents(_ form: StoredBlob, _ place: Place, _ limit: Int) throws -> [UInt8] {
    guard form.size <= limit else {
      throw StoreError.record(
        reason: "blob \(form.digest) has \(form.size) bytes, more than the \(limit) allowed")
    }
    var bytes: [UInt8] = []
    bytes.reserveCapacity(min(form.size, 64 << 20))
    try verified(form, place) { bytes.append(contentsOf: $0) }
    return bytes
  }

  /// A blob as a plain file, to be read or mapped, never changed. A large one stored raw is used where it lies;
  /// others are decoded once into `open/`. Either is verified once by each process, and again when it was touched
  /// since. It may be removed by a collection of garbage, not before.
  /// - Throws: `.missing`, `.damaged`; either way the producer has to run again.
  public func file(for digest: Digest) throws -> URL {
    if try isOpened(digest) { return URL(fileURLWithPath: layout.opened(digest)) }
    return try trying(digest) { form, place in
      if place == .file, form.codec == .raw {
        let path = layout.blob(digest, .raw)
        let stamp = Stamp(path)
        if stamp == nil || verifiedFiles.withLock({ $0[path] }) != stamp {
          try verified(form, place) { _ in }
          verifiedFiles.withLock { $0[path] = stamp }
        }
        return URL(fileURLWithPath: path)
      }
      let path = isReadOnly ? try privateFolder() + "/\(digest.hex)" : layout.opened(digest)
      let temporary = try Temporary(in: isReadOnly ? privateFolder() : layout.temporary)
      try verified(form, place) { try temporary.write($0) }
      try temporary.file.makeReadOnly()
      if !isReadOnly {
        try makeDirectory(layout.open)
        try Layout.clear(path, into: layout.setAside)
      }
      try temporary.replace(path)
      verifiedFiles.withLock { $0[path] = Stamp(path) }
      return URL(fileURLWithPath: path)
    }
  }

  /// Where copies are opened for this process alone, when nothing can be written in the store.
  private func privateFolder() throws -> String {
    try opened.withLock { folder in
      if let folder { return folder }
      let made = FileManager.default.temporaryDirectory.appending(path: "bobbin-" + OwnName().text).path
      guard mkdir(made, 0o700) == 0 else { throw StoreError.failed(to: "create the folder", made) }
      folder = made
      return made
    }
  }

  /// Whether `open/` holds this blob: its size alone says nothing, so it is hashed once a process.
  private func isOpened(_ digest: Digest) throws -> Bool {
    let path = layout.opened(digest)
    guard let stamp = Stamp(path) else { return false }
    if verifiedFiles.withLock({ $0[path] }) == stamp { return true }
    guard let size = try reading({ try Store.rows(of: digest, $0) }).first?.0.size,
      (try? Layout.digest(ofFile: path, size: size)) == digest
    else { return false }
    verifiedFiles.withLock { $0[path] = stamp }
    return true
  }

  /// Runs `body` on the blob where it lies; when it turns out to be damaged or gone, drops it and tries what else
  /// there is: other stored forms, the copy in `open/`, the remote.
  func trying<T>(_ digest: Digest, _ body: (StoredBlob, Place) throws -> T) throws -> T {
    let forms = try reading { try Store.rows(of: digest, $0) }
    guard let size = forms.first?.0.size else { throw StoreError.missing(digest) }
    var harm: String?
    for (form, place) in forms where place != .elsewhere {
      do { return try body(form, place) } catch let problem as Undecodable {
        harm = problem.reason
        try drop(form, place, problem)
      }
    }
    if let (form, place) = try restored(digest, size: size) {
      do { return try body(form, place) } catch let problem as Undecodable { harm = problem.reason }
    }
    do {
      if let harm, let attachment = attached.withLock({ $0 }) {
        attachment.warn("blob \(digest) was damaged (\(harm)); fetching it from \(attachment)")
      }
      for (form, _) in forms {
        if let (form, place) = try fetch(form) { return try body(form, place) }
      }
      throw StoreError.missing(digest)
    } catch let problem as Undecodable {
      throw StoreError.damaged(digest, reason: problem.reason)
    } catch StoreError.missing {
      throw harm.map { StoreError.damaged(digest, reason: $0) } ?? StoreError.missing(digest)
    }
  }

  /// Stores a blob afresh from its copy in `open/`, if that is whole.
  func restored(_ digest: Digest, size: Int) throws -> (StoredBlob, Place)? {
    guard !isReadOnly, try isOpened(digest) else { return nil }
    let blob = try BlobWriter(store: directory).write(file: URL(fileURLWithPath: layout.opened(digest)))
    guard blob.digest == digest else { return nil }
    try writing { try Store.register([blob], $0) }
    return (blob.form, blob.inline == nil ? .file : .inline)
  }

  /// Decodes a blob, verifies it and hands its content to `sink`; throws `Undecodable` if it isn't what it should be, or
  /// can't be read. What `sink` got before that must be thrown away.
  func verified(_ form: StoredBlob, _ place: Place, to sink: ByteSink) throws {
    switch place {
    case .elsewhere: throw StoreError.missing(form.digest)
    case .inline:
      let bytes = try inlineBytes(form.digest)
      guard let bytes else { throw Undecodable("its bytes are gone") }
      do {
        let digest = try decode(form.codec, size: form.size, from: source(of: Array(bytes)), to: sink)
        guard digest == form.digest else { throw Undecodable("its content gives \(digest)") }
      } catch var problem as Undecodable {
        problem.inline = bytes
        throw problem
      }
    case .file:
      try stored(form) { source in
        let digest = try decode(form.codec, size: form.size, from: source, to: sink)
        guard digest == form.digest else { throw Undecodable("its content gives \(digest)") }
      }
    }
  }

  func inlineBytes(_ digest: Digest) throws -> Data? {
    try reading {
      try $0.cachedStatement(sql: "SELECT bytes FROM inlineBlobs WHERE digest = ?")
        .first([digest.data]) { $0[0] }
    }
  }

  /// Runs `body` on the stored bytes in a file. Whatever is wrong with the file is an `Undecodable` that names it.
  func stored(_ form: StoredBlob, _ body: (ByteSource) throws -> Void) throws {
    let path = layout.blob(form.digest, form.codec)
    func naming<T: ~Copyable>(_ body: () throws -> T) throws -> T {
      do { return try body() } catch StoreError.unreadable(let path, let reason) {
        var problem = Undecodable("\(path): \(reason)")
        problem.isUnreadable = true
        throw problem
      }
    }
    guard let file = try naming({ try OpenFile.reading(path) }) else { throw Undecodable("its file is gone") }
    let status = try file.status()
    do {
      guard status.st_mode & S_IFMT == S_IFREG else { throw Undecodable("\(path) isn't a file") }
      try body { buffer in try naming { try file.read(into: buffer) } }
    } catch var problem as Undecodable {
      problem.file = FileIdentity(status)
      throw problem
    }
  }

  /// Forgets a blob's bytes, if they are still those that turned out to be damaged. What is known of it stays, for a
  /// remote may have it. What is no file of Bobbin's is moved out of the way, into `set-aside/`.
  func drop(_ form: StoredBlob, _ place: Place, _ problem: Undecodable) throws {
    if isReadOnly { return }
    let path = layout.blob(form.digest, form.codec)
    var isGone = true
    if place == .file {
      do { try layout.removeDamaged(path, problem) } catch {
        // It can't be moved away either. It is lost all the same; storing the blob again says what is in the way.
        isGone = false
      }
    }
    try writing { db in
      switch place {
      case .inline:
        if let bytes = problem.inline {
          try db.execute(
            sql: "DELETE FROM inlineBlobs WHERE digest = ? AND bytes = ?",
            arguments: [form.digest.data, bytes])
          if db.changesCount == 0 { return }
        } else if try inlineBytesExist(form.digest, db) {
          return
        }
      // Somebody may have stored it again meanwhile.
      case .file: if isGone, FileIdentity(path) != nil { return }
      case .elsewhere: return
      }
      try db.execute(
        sql: "UPDATE blobs SET place = ? WHERE digest = ? AND stored = ? AND place = ?",
        arguments: [Place.elsewhere.rawValue, form.digest.data, form.storedDigest.data, place.rawValue])
    }
  }

  private func inlineBytesExist(_ digest: Digest, _ db: Database) throws -> Bool {
    try Bool.fetchOne(
      db, sql: "SELECT EXISTS (SELECT 1 FROM inlineBlobs WHERE digest = ?)", arguments: [digest.data])!
  }
}

// Rows of `blobs`.
extension Store {
  /// The forms in which a content is known, those that are here first.
  static func rows(of digest: Digest, _ db: Database) throws -> [(StoredBlob, Place)] {
    let statement = try db.cachedStatement(
      sql: "SELECT size, codec, stored, storedSize, place FROM blobs WHERE digest = ?")
    statement.setUncheckedArguments([digest.data])
    var found: [(StoredBlob, Place)] = []
    let rows = try Row.fetchCursor(statement)
    while let row = try rows.next() {
      let codec: String = row[1]
      guard let codec = Codec(rawValue: codec), let place = Place(rawValue: row[4]) else {
        throw DatabaseError(
          resultCode: .SQLITE_CORRUPT, message: "blob \(digest) has no known codec or place")
      }
      let form = StoredBlob(
        digest: digest, size: row[0], codec: codec, storedDigest: try Digest(row, 2), storedSize: row[3])
      found.append((form, place))
    }
    return found.count < 2 ? found : found.sorted { $0.1.rawValue < $1.1.rawValue }
  }

  /// Enters blobs whose bytes are here now.
  static func register(_ blobs: [WrittenBlob], class: BlobClass = .result, _ db: Database) throws {
    for blob in blobs {
      try set(blob.form, blob.inline == nil ? .file : .inline, class: `class`, db)
      if let bytes = blob.inline {
        try db.cachedStatement(sql: "INSERT OR REPLACE INTO inlineBlobs (digest, bytes) VALUES (?, ?)")
          .execute(arguments: [blob.digest.data, Data(bytes)])
      }
    }
  }

  /// Enters a form whose bytes are here now. Of one content there is one form in the index and one file of each codec,
  /// so another form that was there has given way.
  static func set(_ form: StoredBlob, _ place: Place, class: BlobClass = .result, _ db: Database) throws {
    try db.cachedStatement(
      sql: """
        UPDATE blobs SET place = 2
        WHERE digest = ?1 AND stored <> ?2 AND place = ?3 AND (place = 0 OR codec = ?4)
        """
    ).execute(arguments: [form.digest.data, form.storedDigest.data, place.rawValue, form.codec.rawValue])
    try db.cachedStatement(
      sql: """
        INSERT INTO blobs (digest, stored, size, codec, storedSize, place, class) VALUES (?, ?, ?, ?, ?, ?, ?)
        ON CONFLICT (digest, stored) DO UPDATE SET
          size = excluded.size, codec = excluded.codec, storedSize = excluded.storedSize, place = excluded.place,
          class = min(class, excluded.class)
        """
    ).execute(arguments: [
      form.digest.data, form.storedDigest.data, form.size, form.codec.rawValue, form.storedSize,
      place.rawValue, `class`.rawValue,
    ])
  }

  /// Enters a form of which somebody says that it exists, unless it is known.
  static func setElsewhere(_ form: StoredBlob, _ db: Database) throws {
    try db.cachedStatement(
      sql: """
        INSERT INTO blobs (digest, stored, size, codec, storedSize, place) VALUES (?, ?, ?, ?, ?, 2)
        ON CONFLICT (digest, stored) DO UPDATE SET class = 0
        """
    ).execute(arguments: [
      form.digest.data, form.storedDigest.data, form.size, form.codec.rawValue, form.storedSize,
    ])
  }
}
