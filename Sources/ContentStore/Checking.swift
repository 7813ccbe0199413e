// Owns looking a whole store over: SQLite's own opinion of the index, records against their keys, every blob against its
// digest. What is damaged can be dropped: then it is missing, and is fetched or made again when somebody reads it.

import Canonical
import Foundation
import GRDB

/// What looking a store over found.
public struct StoreCheck: Hashable, Sendable {
  /// What became of something damaged.
  public enum Cure: Hashable, Sendable {
    /// Nothing was done.
    case none
    /// Its bytes are here again: from the remote, or from its copy in `open/`.
    case healed
    /// It is missing from now on, and made again when somebody reads it.
    case dropped
  }

  /// A blob, a decompressed copy or a record that isn't what it should be.
  public struct Damage: Hashable, Sendable {
    /// `blob 0a1b…`
    public var name: String
    public var reason: String
    /// The instances of last runs that have it, each with its file.
    public var instances: [String]
    public var cure: Cure

    public init(name: String, reason: String, instances: [String], cure: Cure) {
      (self.name, self.reason, self.instances, self.cure) = (name, reason, instances, cure)
    }
  }

  public var blobs = 0
  /// Stored bytes of them.
  public var bytes = 0
  public var records = 0
  /// What SQLite says of the index; empty when all is well.
  public var index: [String] = []
  public var damages: [Damage] = []

  public init() {}

  /// Whether something is damaged still.
  public var isDamaged: Bool { !index.isEmpty || damages.contains { $0.cure == .none } }
}

extension Store {
  /// Looks the store over.
  /// - Parameters:
  ///   - fast: sizes of blobs instead of their digests.
  ///   - repairing: drops what is damaged, and fetches it from the attached remote if that has it.
  ///   - progress: told how many stored bytes of how many have been read.
  public func check(
    fast: Bool, repairing: Bool, progress: (Int, Int) throws -> Void = { _, _ in }
  ) throws -> StoreCheck {
    var check = StoreCheck()
    check.index = try reading { db in
      try String.fetchAll(db, sql: "PRAGMA \(fast ? "quick_check" : "integrity_check")(20)")
    }.filter { $0 != "ok" }
    try checkRecords(&check, repairing: repairing)
    let owners = Owners(self)
    var known = try reading { db in
      let digests = try Row.fetchAll(db, sql: "SELECT digest FROM blobs WHERE place < 2")
      return try digests.map { try Digest($0, 0) }
    }
    known = Array(Set(known)).sorted()
    let total = try reading {
      try Int.fetchOne($0, sql: "SELECT coalesce(sum(storedSize), 0) FROM blobs WHERE place < 2")!
    }
    for digest in known {
      for (form, place) in try reading({ try Store.rows(of: digest, $0) }) where place != .elsewhere {
        check.blobs += 1
        check.bytes += form.storedSize
        if let problem = try problem(of: form, place, fast: fast), try isStill(form, place) {
          check.damages.append(
            .init(
              name: "blob \(digest)", reason: problem.reason, instances: try owners.names(of: digest),
              cure: repairing ? try cure(form, place, problem) : .none))
        }
        try progress(check.bytes, total)
      }
    }
    if !fast { try checkCopies(&check, repairing: repairing) }
    return check
  }

  private func problem(of form: StoredBlob, _ place: Place, fast: Bool) throws -> Undecodable? {
    guard fast else {
      do { try verified(form, place) { _ in } } catch let problem as Undecodable { return problem }
      return nil
    }
    let size =
      place == .file
      ? Layout.sizeOfFile(layout.blob(form.digest, form.codec)) : try inlineBytes(form.digest)?.count
    guard let size else { return Undecodable(place == .file ? "its file is gone" : "its bytes are gone") }
    if size == form.storedSize { return nil }
    var problem = Undecodable("\(size) stored bytes instead of \(form.storedSize)")
    if place == .file {
      let path = layout.blob(form.digest, form.codec)
      problem.file = FileIdentity(path)
    } else {
      problem.inline = try inlineBytes(form.digest)
    }
    return problem
  }

  /// Whether the index still says that it is there: somebody may have freed it meanwhile.
  private func isStill(_ form: StoredBlob, _ place: Place) throws -> Bool {
    try reading { try Store.rows(of: form.digest, $0) }.contains { $0 == form && $1 == place }
  }

  private func cure(_ form: StoredBlob, _ place: Place, _ problem: Undecodable) throws -> StoreCheck.Cure {
    try drop(form, place, problem)
    do {
      try trying(form.digest) { _, _ in }
      return .healed
    } catch let error as StoreError {
      guard case .lostBlob = error.concern else { throw error }
      return .dropped
    }
  }

  private func checkCopies(_ check: inout StoreCheck, repairing: Bool) throws {
    for name in names(in: layout.open).sorted() {
      guard let digest = Digest(hex: name) else { continue }
      let path = layout.opened(digest)
      guard let size = Layout.sizeOfFile(path), try Layout.digest(ofFile: path, size: size) != digest,
        Layout.sizeOfFile(path) == size
      else { continue }
      if repairing { unlink(path) }
      check.damages.append(
        .init(
          name: "copy \(digest)", reason: "its content isn't that of its name", instances: [],
          cure: repairing ? .healed : .none))
    }
  }
}

// Records.
extension Store {
  private func checkRecords(_ check: inout StoreCheck, repairing: Bool) throws {
    let keys = try reading { db in
      try Row.fetchAll(db, sql: "SELECT key FROM records UNION SELECT key FROM outputs").map {
        try Digest($0, 0)
      }
    }
    for key in keys {
      check.records += 1
      guard let reason = try reading({ try Store.problem(ofRecord: key, $0) }) else { continue }
      var cure = StoreCheck.Cure.none
      if repairing { cure = try writing { try Store.mend(key, $0) } }
      check.damages.append(.init(name: "record \(key)", reason: reason, instances: [], cure: cure))
    }
  }

  /// What is wrong with a record or its short form; nil when nothing is.
  private static func problem(ofRecord key: Digest, _ db: Database) throws -> String? {
    let record: Record?
    do { record = try Store.record(for: key, db) } catch StoreError.newerRecord { return nil }
    let row = try db.cachedStatement(sql: "SELECT artifacts, seal FROM outputs WHERE key = ?")
      .first([key.data]) { try Store.artifacts(of: key, $0, 0) }
    guard let record else {
      return try Bool.fetchOne(
        db,
        sql: "SELECT EXISTS (SELECT 1 FROM records WHERE key = ? UNION SELECT 1 FROM outputs WHERE key = ?)",
        arguments: [key.data, key.data])!
        ? "its text isn't that of its key" : nil
    }
    switch row {
    case nil: return "what it gave isn't listed"
    case .some(nil): return "what is listed that it gave is damaged"
    case .some(let artifacts?):
      return artifacts == record.artifacts ? nil : "what is listed isn't what it gave"
    }
  }

  /// Lists anew what a record gave, or drops what is none.
  private static func mend(_ key: Digest, _ db: Database) throws -> StoreCheck.Cure {
    if let record = try Store.record(for: key, db) {
      try Store.insert(record, db)
      return .healed
    }
    for table in ["records", "outputs", "accepted", "origins"] {
      try db.execute(sql: "DELETE FROM \(table) WHERE key = ?", arguments: [key.data])
    }
    return .dropped
  }
}

/// Which instances have a blob, found out once somebody asks.
private final class Owners {
  private let store: Store
  private var names: [Digest: [String]]?

  init(_ store: Store) { self.store = store }

  func names(of blob: Digest) throws -> [String] {
    if let names { return names[blob] ?? [] }
    let results = try store.reading { try Store.lastResults($0) }
    let named = try References(store).named(by: Set(results.map(\.key)))
    var all: [Digest: [String]] = [:]
    for result in results {
      for blob in named[result.key]?.blobs ?? [] {
        all[blob, default: []].append("\(result.place.file): \(result.instance)")
      }
    }
    names = all.mapValues { $0.sorted() }
    return names![blob] ?? []
  }
}
