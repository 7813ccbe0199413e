// Owns which results the last runs of every pipeline file came to, and when a result was theirs for the last time. What a
// run says is Runs.swift's.

import Canonical
import Foundation
import GRDB

/// A pipeline file that a store has results of.
public struct PipelinePlace: Hashable, Comparable, Sendable {
  /// The project's root.
  public var project: String
  /// The file, relative to that.
  public var file: String

  public init(project: String, file: String) {
    self.project = project
    self.file = file
  }

  public static func < (a: PipelinePlace, b: PipelinePlace) -> Bool {
    (a.project, a.file) < (b.project, b.file)
  }
}

/// An instance with the newest result that it has.
struct LastResult: Hashable, Sendable {
  var place: PipelinePlace
  var instance: String
  var key: Digest
}

extension Store {
  /// Remembers that these are all instances that the run's file has: what others came to is nobody's last result.
  public func note(_ run: RunID, allInstances names: [String]) throws {
    let isSame = try reading { db in
      let known = try Int.fetchOne(
        db,
        sql: "SELECT count(*) FROM instances WHERE gone = 0 AND file = (SELECT file FROM runs WHERE id = ?)",
        arguments: [run.number])
      return known == names.count
    }
    // All of them have been noted, so as many are the same ones.
    if isSame { return }
    let all = Set(names)
    try writing { db in
      let file = try Int.fetchOne(db, sql: "SELECT file FROM runs WHERE id = ?", arguments: [run.number])
      let known = try Row.fetchAll(
        db, sql: "SELECT name, id FROM instances WHERE file = ? AND gone = 0", arguments: [file])
      let statement = try db.cachedStatement(sql: "UPDATE instances SET gone = ? WHERE file = ? AND name = ?")
      let news = try db.cachedStatement(
        sql: "INSERT OR REPLACE INTO news (run, instance, state) VALUES (?, ?, ?)")
      for row in known {
        let name: String = row[0]
        if all.contains(name) { continue }
        try statement.execute(arguments: [run.number, file, name])
        try news.execute(arguments: [run.number, row[1] as Int, InstanceState.gone.rawValue])
      }
    }
  }

  /// The pipeline files that ran with this store.
  public func pipelinePlaces() throws -> [PipelinePlace] {
    try reading { db in
      try Row.fetchAll(db, sql: "SELECT project, file FROM files").map {
        PipelinePlace(project: $0[0], file: $0[1])
      }.sorted()
    }
  }

  /// What a pipeline file came to is nobody's last result from now on, until it runs again.
  /// - Returns: how many instances had one; nil when no run of such a file is remembered.
  public func forget(_ place: PipelinePlace) throws -> Int? {
    try writing { db in
      let file = try Int.fetchOne(
        db, sql: "SELECT id FROM files WHERE project = ? AND file = ?",
        arguments: [place.project, place.file])
      guard let file else { return nil }
      try db.execute(
        sql: """
          UPDATE instances SET gone = (SELECT coalesce(max(id), 1) FROM runs) WHERE file = ? AND gone = 0
          """, arguments: [file])
      return db.changesCount
    }
  }

  /// The newest result of each instance that the last runs of all pipeline files had.
  static func lastResults(_ db: Database) throws -> [LastResult] {
    var found: [LastResult] = []
    let rows = try Row.fetchCursor(
      db,
      sql: """
        SELECT project, files.file, name, key FROM instances JOIN files ON files.id = instances.file
        WHERE key IS NOT NULL AND gone = 0
        """)
    while let row = try rows.next() {
      let place = PipelinePlace(project: row[0], file: row[1])
      found.append(LastResult(place: place, instance: row[2], key: try Digest(row, 3)))
    }
    return found
  }

  /// When each key was the newest result of an instance for the last time, as far as runs tell: when another took its
  /// place or its instance went, in milliseconds since 1970.
  static func lastUses(_ db: Database) throws -> [Digest: Int] {
    var uses: [Digest: Int] = [:]
    func use(_ key: Digest, _ time: Int) { uses[key] = max(uses[key] ?? 0, time) }
    var (instance, key): ((Int, Int)?, Digest?) = (nil, nil)
    let news = try Row.fetchCursor(
      db,
      sql: """
        SELECT file, instance, key, start FROM news JOIN runs ON runs.id = news.run
        WHERE key IS NOT NULL ORDER BY file, instance, run
        """)
    while let row = try news.next() {
      let now = (row[0] as Int, row[1] as Int)
      let new = try Digest(row, 2)
      if let key, let instance, instance == now { use(key, row[3]) }
      use(new, row[3])
      (instance, key) = (now, new)
    }
    let gone = try Row.fetchCursor(
      db, sql: "SELECT key, start FROM instances JOIN runs ON runs.id = gone WHERE key IS NOT NULL")
    while let row = try gone.next() { use(try Digest(row, 0), row[1]) }
    return uses
  }
}
