// Owns the states of work under way: what a stage published before it had a result, by the key of its action's prefix.
// They stand apart from records, are on no remote, and go first when room is wanted. Which state follows from which,
// and what it is good for, is the engine's to know.

import Canonical
import Foundation
import GRDB

extension Store {
  /// Keeps a state, in the form of a record whose action is a prefix, in the place of what was under its key. Those
  /// under `superseded` are dropped with it.
  /// - Throws: `.missing` when a blob isn't where it was written; `.full`.
  public func keep(_ state: Record, blobs: [WrittenBlob], superseding superseded: [Digest] = []) throws {
    for blob in blobs where blob.inline == nil {
      guard Layout.sizeOfFile(layout.blob(blob.digest, blob.codec)) == blob.storedSize else {
        throw StoreError.missing(blob.digest)
      }
    }
    try mark([.state(state.key)])
    let dropped = try writing { db in
      try Store.register(blobs, class: .state, db)
      let dropped = try Store.drop([state.key] + superseded, sparing: Set(blobs.map(\.digest)), db)
      try db.cachedStatement(sql: "INSERT INTO states (key, text, time) VALUES (?, ?, ?)")
        .execute(arguments: [state.key.data, Store.packed(text: state.text), Store.now])
      for digest in Set(blobs.map(\.digest)) {
        try db.cachedStatement(sql: "INSERT INTO stateBlobs (digest, key) VALUES (?, ?)")
          .execute(arguments: [digest.data, state.key.data])
      }
      return dropped
    }
    remove(dropped)
  }

  /// The states under these keys. What stands in one's place without being one is as good as none.
  public func states(for keys: [Digest]) throws -> [Digest: Record] {
    try mark(keys.lazy.map { .state($0) })
    return try reading { db in
      var found: [Digest: Record] = [:]
      let statement = try db.cachedStatement(sql: "SELECT text FROM states WHERE key = ?")
      for key in keys {
        guard let text = try statement.first([key.data], { Store.unpackedText($0, 0) }) ?? nil,
          let state = try? Record(parsing: text), state.key == key
        else { continue }
        found[key] = state
      }
      return found
    }
  }

  /// Drops the states under these keys, and what bytes nothing else has.
  public func dropStates(_ keys: [Digest]) throws {
    remove(try writing { try Store.drop(keys, sparing: [], $0) })
  }

  /// Takes states out of the index.
  /// - Returns: the forms of blobs in files that nothing names any more.
  static func drop(_ keys: [Digest], sparing spared: Set<Digest>, _ db: Database) throws
    -> [StoredBlob]
  {
    var digests = Set<Digest>()
    for key in keys {
      let statement = try db.cachedStatement(sql: "SELECT digest FROM stateBlobs WHERE key = ?")
      statement.setUncheckedArguments([key.data])
      let rows = try Row.fetchCursor(statement)
      while let row = try rows.next() { digests.insert(try Digest(row, 0)) }
      for sql in ["DELETE FROM stateBlobs WHERE key = ?", "DELETE FROM states WHERE key = ?"] {
        try db.cachedStatement(sql: sql).execute(arguments: [key.data])
      }
    }
    var unnamed: [StoredBlob] = []
    for digest in digests.subtracting(spared) {
      let isNamed = try Bool.fetchOne(
        db,
        sql: """
          SELECT EXISTS (SELECT 1 FROM stateBlobs WHERE digest = ?1)
            OR EXISTS (SELECT 1 FROM blobs WHERE digest = ?1 AND class = 0)
          """, arguments: [digest.data])!
      if isNamed { continue }
      unnamed += try rows(of: digest, db).filter { $0.1 == .file }.map(\.0)
      for sql in ["DELETE FROM blobs WHERE digest = ?", "DELETE FROM inlineBlobs WHERE digest = ?"] {
        try db.cachedStatement(sql: sql).execute(arguments: [digest.data])
      }
    }
    return unnamed
  }

  func remove(_ blobs: [StoredBlob]) {
    for blob in blobs {
      unlink(layout.blob(blob.digest, blob.codec))
      unlink(layout.opened(blob.digest))
    }
  }
}

/// How dear a blob is when room is wanted; the index's column `class`.
enum BlobClass: Int {
  /// A record lists it.
  case result = 0
  /// Only states do.
  case state = 1
}
