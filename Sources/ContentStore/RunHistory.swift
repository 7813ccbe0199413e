// Owns looking back: which runs there were, the one that somebody means, what a run itself had to say. What they keep
// is Runs.swift's.

import Canonical
import Foundation
import GRDB

/// What a person calls a run of a pipeline file.
public enum RunName: Hashable, Sendable, CustomStringConvertible {
  case number(RunID)
  /// So many before the newest.
  case last(Int)

  /// Reads `7`, `last`, `last~2`; nil for anything else.
  public init?(_ text: String) {
    if text == "last" {
      self = .last(0)
    } else if text.hasPrefix("last~"), let back = Int(text.dropFirst(5)), back >= 0 {
      self = .last(back)
    } else if let number = Int(text), number > 0 {
      self = .number(RunID(number))
    } else {
      return nil
    }
  }

  public var description: String {
    switch self {
    case .number(let id): "\(id)"
    case .last(0): "last"
    case .last(let back): "last~\(back)"
    }
  }
}

extension Store {
  /// The runs of a pipeline file, or of all files of a project, newest first.
  public func runs(project: String, file: String? = nil, limit: Int = 100) throws -> [RunEntry] {
    try runs(
      "project = ?1 AND ?2 IN (files.file, '') ORDER BY runs.id DESC LIMIT ?3", [project, file ?? "", limit])
  }

  /// How many runs of a pipeline file, or of all files of a project, are remembered.
  public func countRuns(project: String, file: String? = nil) throws -> Int {
    try reading { db in
      try Int.fetchOne(
        db,
        sql: """
          SELECT count(*) FROM runs JOIN files ON files.id = runs.file
          WHERE project = ?1 AND ?2 IN (files.file, '')
          """, arguments: [project, file ?? ""]) ?? 0
    }
  }

  /// The run of a pipeline file that somebody means; nil when there is none.
  public func run(_ name: RunName, project: String, file: String) throws -> RunEntry? {
    switch name {
    case .number(let id):
      try runs("project = ? AND files.file = ? AND runs.id = ?", [project, file, id.number]).first
    case .last(let back):
      try runs(
        "project = ? AND files.file = ? ORDER BY runs.id DESC LIMIT 1 OFFSET ?", [project, file, back]
      ).first
    }
  }

  private func runs(_ which: String, _ arguments: StatementArguments) throws -> [RunEntry] {
    try reading { db in
      let rows = try Row.fetchAll(
        db,
        sql: """
          SELECT runs.id, start, end, command, outcome, files.file,
            iif(outcome IS NULL, (SELECT count(*) FROM news WHERE run = runs.id AND state = 1), 0)
          FROM runs JOIN files ON files.id = runs.file WHERE \(which)
          """, arguments: arguments)
      return rows.map { row in
        let id = RunID(row[0])
        let words = (try? JSON(parsing: row[3] as String))?.arrayValue ?? []
        let outcome = (row[4] as String?).flatMap { try? JSON(parsing: $0) }.map(RunOutcome.init(json:))
        let end: Int? = row[2]
        return RunEntry(
          id: id, file: row[5], start: Store.date(row[1]), end: end.map(Store.date),
          commandLine: words.compactMap(\.stringValue),
          state: outcome.map { .ended($0) } ?? (isAlive(id) ? .running : .unfinished),
          executed: outcome?.executed ?? row[6])
      }
    }
  }

  /// What a run itself had to say of instances, by name: those that it executed, that failed in it, that were up to date
  /// under another key than before. What it doesn't mention was as it had been, or none of its business.
  public func news(of run: RunID) throws -> [String: InstanceNote] {
    try reading { db in
      var found: [String: InstanceNote] = [:]
      let rows = try Row.fetchCursor(
        db,
        sql: """
          SELECT name, news.state, news.key, message FROM runs JOIN news ON news.run = runs.id
            JOIN instances ON instances.file = runs.file AND instances.id = news.instance
          WHERE runs.id = ?
          """, arguments: [run.number])
      while let row = try rows.next() {
        let name: String = row[0]
        found[name] = InstanceNote(
          name: name, key: row.hasNull(atIndex: 2) ? nil : try Digest(row, 2),
          state: InstanceState(rawValue: row[1]) ?? .skipped, message: row[3])
      }
      return found
    }
  }
}
