// Owns what manifests list, as rows: so that a part of a manifest, for 100,000 instances, is one lookup and no parsing.

import Canonical
import Foundation
import GRDB

extension Store {
  /// What each of these manifests lists. Those whose text isn't in the store are left out: `manifest(_:)` fetches them,
  /// or says what is wrong. Waits for no remote.
  public func members(of manifests: [Digest]) throws -> [Digest: [String: Artifact]] {
    var (found, unknown) = try reading { db in
      var found: [Digest: [String: Artifact]] = [:]
      found.reserveCapacity(manifests.count)
      var unknown: [Digest] = []
      for digest in manifests where found[digest] == nil {
        if let entries = try Store.members(of: digest, db) {
          found[digest] = entries
        } else {
          unknown.append(digest)
        }
      }
      return (found, unknown)
    }
    var read: [(Digest, Manifest)] = []
    for digest in Set(unknown).sorted() {
      guard let bytes = try? readHere(digest, limit: Manifest.longest),
        let manifest = Manifest(parsing: bytes)
      else { continue }
      found[digest] = manifest.entries
      read.append((digest, manifest))
    }
    remember(read)
    return found
  }

  /// A manifest artifact's entries.
  /// - Throws: `.missing`, `.damaged`; `.record` when the artifact isn't a manifest or its text lies about it.
  public func manifest(_ artifact: Artifact) throws -> Manifest {
    guard artifact.form == .manifest else {
      throw StoreError.record(reason: "\(artifact.digest) is a blob, not a manifest")
    }
    if let entries = try reading({ try Store.members(of: artifact.digest, $0) }) {
      let manifest = Manifest(entries)
      if manifest.size == artifact.size { return manifest }
    }
    guard let manifest = Manifest(parsing: try read(artifact.digest, limit: Manifest.longest)),
      manifest.artifact == artifact
    else {
      throw StoreError.record(reason: "\(artifact.digest) is not the manifest that its record says")
    }
    remember([(artifact.digest, manifest)])
    return manifest
  }

  /// Enters manifests that were read. It only saves time, so where it can't be done it isn't.
  private func remember(_ manifests: [(Digest, Manifest)]) {
    guard !manifests.isEmpty, !isReadOnly else { return }
    try? writing { db in
      for (digest, manifest) in manifests { try Store.enter(manifest, digest, db) }
    }
  }

  /// The manifests among blobs just written that can be reached from these artifacts, as far as they are small.
  static func manifests(in artifacts: some Sequence<Artifact>, _ blobs: [WrittenBlob]) -> [(Digest, Manifest)]
  {
    var texts: [Digest: WrittenBlob] = [:]
    var found: [(Digest, Manifest)] = []
    var stack = artifacts.filter { $0.form == .manifest }
    if stack.isEmpty { return [] }
    for blob in blobs where blob.inline != nil { texts[blob.digest] = blob }
    while let artifact = stack.popLast() {
      guard artifact.form == .manifest, let blob = texts.removeValue(forKey: artifact.digest) else {
        continue
      }
      var bytes: [UInt8] = []
      guard
        let digest = try? decode(
          blob.codec, size: blob.size, from: source(of: blob.inline!),
          to: {
            bytes.append(contentsOf: $0)
          }), digest == artifact.digest, let manifest = Manifest(parsing: bytes)
      else { continue }
      found.append((digest, manifest))
      stack += manifest.entries.values
    }
    return found
  }

  static func enter(_ manifest: Manifest, _ digest: Digest, _ db: Database) throws {
    let statement = try db.cachedStatement(
      sql: "INSERT OR REPLACE INTO members (manifest, name, form, digest, size) VALUES (?, ?, ?, ?, ?)")
    if manifest.entries.isEmpty {
      return try statement.execute(arguments: [digest.data, "", 0, digest.data, 0])
    }
    for (name, entry) in manifest.entries {
      try statement.execute(
        arguments: [digest.data, name, entry.form == .blob ? 0 : 1, entry.digest.data, entry.size])
    }
  }

  /// What a manifest lists, if all rows of it are there: together they must have its digest.
  private static func members(of manifest: Digest, _ db: Database) throws -> [String: Artifact]? {
    let statement = try db.cachedStatement(
      sql: "SELECT name, form, digest, size FROM members WHERE manifest = ?")
    statement.setUncheckedArguments([manifest.data])
    var entries: [String: Artifact] = [:]
    var isKnown = false
    let rows = try Row.fetchCursor(statement)
    while let row = try rows.next() {
      isKnown = true
      let name: String = row[0]
      if !name.isEmpty {
        entries[name] = Artifact(row[1] == 0 ? .blob : .manifest, try Digest(row, 2), size: row[3])
      }
    }
    return isKnown && Manifest(entries).digest == manifest ? entries : nil
  }
}
