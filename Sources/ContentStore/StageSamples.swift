// Owns finding a few results of every stage that the store remembers, in whatever pipeline file, without going through
// all instances.

import Canonical
import GRDB

/// Some newest results of one stage of one pipeline file.
public struct StageSample: Hashable, Sendable {
  public var project: String
  public var file: String
  public var stage: String
  public var keys: [Digest]

  public init(project: String, file: String, stage: String, keys: [Digest]) {
    self.project = project
    self.file = file
    self.stage = stage
    self.keys = keys
  }
}

extension Store {
  /// At most `most` results of each stage of each pipeline file that ran with this store.
  public func stageSamples(most: Int) throws -> [StageSample] {
    try reading { db in
      // Names are sorted, so one look-up leads from a stage to the next. `\` comes right after `[`.
      let next = try db.cachedStatement(
        sql: "SELECT name FROM instances WHERE file = ? AND name >= ? ORDER BY name LIMIT 1")
      let some = try db.cachedStatement(
        sql: """
          SELECT key FROM instances WHERE file = ? AND key IS NOT NULL AND (name = ? OR name > ? AND name < ?) LIMIT ?
          """)
      var found: [StageSample] = []
      for row in try Row.fetchAll(db, sql: "SELECT id, project, file FROM files ORDER BY id") {
        let file: Int = row[0]
        var seen = Set<String>()
        var start = ""
        while let name = try next.first([file, start], { $0[0] as String }) {
          let stage = String(name.prefix { $0 != "[" })
          start = name == stage ? name + "\u{1}" : stage + "\\"
          guard seen.insert(stage).inserted else { continue }
          var keys: [Digest] = []
          let rows = try Row.fetchCursor(some, arguments: [file, stage, stage + "[", stage + "\\", most])
          while let row = try rows.next() { keys.append(try Digest(row, 0)) }
          if !keys.isEmpty {
            found.append(StageSample(project: row[1], file: row[2], stage: stage, keys: keys))
          }
        }
      }
      return found
    }
  }
}
