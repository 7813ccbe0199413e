// Owns the way of bytes out of the store: everything that leaves has been verified, and a blob that is damaged is
// dropped, fetched from the attached remote, or reported as missing.

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
        guard let (form, place) = try Store.row(of: digest, db) else { continue }
        switch place {
        case .inline: found.insert(digest)
        case .elsewhere: if remote { found.insert(digest) }
        case .file:
          var status = stat()
          if stat(layout.blob(digest, form.codec), &status) == 0, Int(status.st_size) == form.storedSize {
            found.insert(digest)
          }
        }
      }
      return found
    }
  }

  /// A whole blob in memory, verified.
  /// - Throws: `.missing`, `.damaged`; either way the producer has to run again.
  public func read(_ digest: Digest) throws -> [UInt8] {
    try trying(digest) { form, place in
      var bytes: [UInt8] = []
      bytes.reserveCapacity(min(form.size, 64 << 20))
      try verified(form, place) { bytes.append(contentsOf: $0) }
      return bytes
    }
  }

  /// A blob as a plain file, to be read or mapped, never changed. A large one stored raw is used where it lies;
  /// others are decoded once into `open/`. It may be removed by a collection of garbage, not before.
  /// - Throws: `.missing`, `.damaged`; either way the producer has to run again.
  public func file(for digest: Digest) throws -> URL {
    try trying(digest) { form, place in
      let path = place == .file && form.codec == .raw ? layout.blob(digest, .raw) : layout.opened(digest)
      var status = stat()
      let exists = stat(path, &status) == 0 && Int(status.st_size) == form.size
      if place == .file, form.codec == .raw {
        // Verified once a process, and again when it was written since.
        let stamp = Int(status.st_mtim.tv_sec) &* 1_000_000_000 &+ Int(status.st_mtim.tv_nsec)
        if exists, verifiedInPlace.withLock({ $0[path] == stamp }) { return URL(fileURLWithPath: path) }
        try verified(form, place) { _ in }
        verifiedInPlace.withLock { $0[path] = stamp }
      } else if !exists {
        let temporary = try Temporary(in: layout.temporary)
        try verified(form, place) { try temporary.write($0) }
        try temporary.file.makeReadOnly()
        try makeDirectory(layout.open)
        try temporary.replace(path)
      }
      return URL(fileURLWithPath: path)
    }
  }

  /// Runs `body` on the blob where it lies; when it turns out to be damaged or gone, drops it and tries the remote.
  func trying<T>(_ digest: Digest, _ body: (StoredBlob, Place) throws -> T) throws -> T {
    guard let (form, place) = try reading({ try Store.row(of: digest, $0) }) else {
      throw StoreError.missing(digest)
    }
    if place == .elsewhere { return try body(form, try fetch(form)) }
    do { return try body(form, place) } catch let problem as Undecodable {
      try drop(form)
      guard let attachment = attached.withLock({ $0 }) else {
        throw StoreError.damaged(digest, reason: problem.reason)
      }
      attachment.warn("blob \(digest) was damaged (\(problem.reason)); fetching it from \(attachment.remote)")
      do { return try body(form, try fetch(form)) } catch StoreError.missing {
        throw StoreError.damaged(digest, reason: problem.reason)
      }
    }
  }

  /// Decodes a blob, verifies it and hands its content to `sink`; throws `Undecodable` if it isn't what it should be.
  /// What `sink` got before that must be thrown away.
  func verified(_ form: StoredBlob, _ place: Place, to sink: ByteSink) throws {
    let digest: Digest
    switch place {
    case .elsewhere: throw StoreError.missing(form.digest)
    case .inline:
      let bytes = try reading {
        try Data.fetchOne(
          $0, sql: "SELECT bytes FROM inlineBlobs WHERE digest = ?", arguments: [form.digest.data])
      }
      guard let bytes else { throw Undecodable(reason: "its bytes are gone") }
      digest = try decode(form.codec, size: form.size, from: source(of: Array(bytes)), to: sink)
    case .file:
      guard let file = try OpenFile.reading(layout.blob(form.digest, form.codec)) else {
        throw Undecodable(reason: "its file is gone")
      }
      digest = try decode(form.codec, size: form.size, from: { try file.read(into: $0) }, to: sink)
    }
    guard digest == form.digest else { throw Undecodable(reason: "its content gives \(digest)") }
  }

  /// Forgets a blob's bytes. What is known of it stays, for a remote may have it.
  func drop(_ form: StoredBlob) throws {
    try writing { db in
      try db.execute(sql: "DELETE FROM inlineBlobs WHERE digest = ?", arguments: [form.digest.data])
      try db.execute(
        sql: "UPDATE blobs SET place = ? WHERE digest = ?",
        arguments: [Place.elsewhere.rawValue, form.digest.data])
    }
    unlink(layout.blob(form.digest, form.codec))
    unlink(layout.opened(form.digest))
  }

  /// What `open/` holds was verified, but not synced: after a crash of the machine nothing in it is trusted.
  func forgetOpenedBeforeReboot() {
    let marker = layout.open + "/.boot"
    let boot = Temporary.bootIdentity ?? ""
    if let text = try? String(contentsOfFile: marker, encoding: .utf8), text == boot { return }
    for name in names(in: layout.open) where Digest(hex: name) != nil { unlink("\(layout.open)/\(name)") }
    try? makeDirectory(layout.open)
    try? boot.write(toFile: marker, atomically: true, encoding: .utf8)
  }
}

// Rows of `blobs`.
extension Store {
  static func row(of digest: Digest, _ db: Database) throws -> (StoredBlob, Place)? {
    let statement = try db.cachedStatement(
      sql: "SELECT digest, size, codec, stored, storedSize, place FROM blobs WHERE digest = ?")
    return try statement.first([digest.data]) { row in
      let codec: String = row[2]
      guard let codec = Codec(rawValue: codec), let place = Place(rawValue: row[5]) else {
        throw DatabaseError(
          resultCode: .SQLITE_CORRUPT, message: "blob \(digest) has no known codec or place")
      }
      let form = StoredBlob(
        digest: digest, size: row[1], codec: codec, storedDigest: try Digest(row, 3), storedSize: row[4])
      return (form, place)
    }
  }

  /// Enters blobs whose bytes are here now.
  static func register(_ blobs: [WrittenBlob], _ db: Database) throws {
    for blob in blobs {
      try set(blob.form, blob.inline == nil ? .file : .inline, db)
      if let bytes = blob.inline {
        try db.execute(
          sql: "INSERT OR REPLACE INTO inlineBlobs (digest, bytes) VALUES (?, ?)",
          arguments: [blob.digest.data, Data(bytes)])
      }
    }
  }

  static func set(_ form: StoredBlob, _ place: Place, _ db: Database) throws {
    try db.execute(
      sql: """
        INSERT OR REPLACE INTO blobs (digest, size, codec, stored, storedSize, place) VALUES (?, ?, ?, ?, ?, ?)
        """,
      arguments: [
        form.digest.data, form.size, form.codec.rawValue, form.storedDigest.data, form.storedSize,
        place.rawValue,
      ])
  }
}
