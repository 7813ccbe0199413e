// Owns what records name: the blobs that they list, and all that can be reached from their artifacts.

import Canonical
import Foundation
import GRDB

/// Records and manifests, each read once.
final class References {
  /// A record, as far as freeing cares.
  struct Named {
    /// What it lists, and what can be reached from its artifacts.
    var blobs: [Digest]
    /// How long its work took; 0 where it doesn't say.
    var seconds: Double
    /// What its text and its artifacts take in the index.
    var size: Int
  }

  private let store: Store
  private var records: [Digest: Named] = [:]
  private var entries: [Digest: [Artifact]] = [:]

  init(_ store: Store) { self.store = store }

  /// What these keys' records name. Keys without a record are left out.
  func named(by keys: some Sequence<Digest>) throws -> [Digest: Named] {
    var found: [Digest: Named] = [:]
    var new: [Digest] = []
    for key in keys {
      if let known = records[key] { found[key] = known } else { new.append(key) }
    }
    if new.isEmpty { return found }
    let read = try read(new)
    try readManifests(read.values.flatMap(\.artifacts))
    for (key, record) in read {
      let named = Named(
        blobs: Array(reached(from: record.artifacts).union(record.blobs)), seconds: record.seconds,
        size: record.size)
      records[key] = named
      found[key] = named
    }
    return found
  }

  /// All blobs that these keys' records name.
  func blobs(of keys: some Sequence<Digest>) throws -> Set<Digest> {
    try named(by: keys).values.reduce(into: []) { $0.formUnion($1.blobs) }
  }

  private typealias Text = (blobs: [Digest], artifacts: [Artifact], seconds: Double, size: Int)

  /// Texts are taken at their word: whether they are right is `cache check`'s to find out, and one that a later version
  /// wrote keeps its blobs too.
  private func read(_ keys: [Digest]) throws -> [Digest: Text] {
    try store.reading { db in
      var found: [Digest: Text] = [:]
      let statement = try db.cachedStatement(
        sql: """
          SELECT text, base, length(text) + coalesce(length(artifacts), 0) FROM records
          LEFT JOIN outputs ON outputs.key = records.key WHERE records.key = ?
          """)
      for key in keys where found[key] == nil {
        let row = try statement.first([key.data]) { (try Store.recordText($0, 0, db), $0[2] as Int) }
        guard let (text, size) = row else { continue }
        let json = text.flatMap { try? JSON(parsing: $0) }
        let blobs = json?["blobs"]?.arrayValue ?? []
        found[key] = (
          blobs.compactMap { $0["digest"]?.stringValue.flatMap { Digest(hex: $0) } },
          (json?["artifacts"]?.objectValue ?? [:]).values.compactMap { Artifact(json: $0) },
          json?["facts"]?["seconds"]?.doubleValue ?? 0, size
        )
      }
      return found
    }
  }

  /// Reads what these list, and so on down. Of a manifest that isn't here nothing is known.
  private func readManifests(_ artifacts: [Artifact]) throws {
    var wanted = Set(artifacts.lazy.filter { $0.form == .manifest }.map(\.digest))
    while case let new = wanted.filter({ entries[$0] == nil }), !new.isEmpty {
      let found = try store.members(of: Array(new))
      for manifest in new { entries[manifest] = found[manifest].map { Array($0.values) } ?? [] }
      wanted = Set(
        found.values.lazy.flatMap(\.values).filter { $0.form == .manifest }.map(\.digest))
    }
  }

  private func reached(from artifacts: [Artifact]) -> Set<Digest> {
    var reached = Set<Digest>()
    var stack = artifacts
    while let artifact = stack.popLast() {
      guard reached.insert(artifact.digest).inserted, artifact.form == .manifest else { continue }
      stack += entries[artifact.digest] ?? []
    }
    return reached
  }
}
