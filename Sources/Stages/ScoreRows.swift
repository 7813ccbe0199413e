// Owns what tables and figures read: the scores of a group's instances, with the axes that tell them apart.

import Canonical
import ContentStore
import Foundation
import Workflow

/// One instance's scores with its axes; or one entry of its lists.
struct ScoreRow {
  var stage: String
  var labels: [Label]
  var scores: [String: Double]
  /// Histories, say.
  var lists: [String: [Double]] = [:]

  func value(of axis: String) -> String? { labels.first { $0.axis == axis }?.value }
}

/// Scores of one or more groups.
struct ScoreRows {
  var rows: [ScoreRow]

  init(rows: [ScoreRow]) { self.rows = rows }

  /// Reads the scores of labelled inputs.
  init(_ members: [InputArtifact]) throws {
    rows = try members.map { member in
      let json = try JSON(parsing: Data(contentsOf: member.url))
      guard let values = json.objectValue else {
        throw InputError(message: "the scores of \(member.stage) are not a JSON object")
      }
      return ScoreRow(
        stage: member.stage, labels: member.labels, scores: values.compactMapValues(\.doubleValue),
        lists: values.compactMapValues { $0.arrayValue?.compactMap(\.doubleValue) })
    }
  }

  /// All axes, in the order in which they first appear.
  var axes: [String] {
    var seen = Set<String>()
    return rows.flatMap { $0.labels.map(\.axis) }.filter { seen.insert($0).inserted }
  }

  /// All scores that are numbers, sorted.
  var scoreNames: [String] { Set(rows.flatMap(\.scores.keys)).sorted() }

  /// All scores that are lists, sorted.
  var listNames: [String] { Set(rows.flatMap(\.lists.keys)).sorted() }

  /// The axis that `name` means: its full name, or an end of it (`cut` for `network.cut`) that only one has.
  func axis(_ name: String) throws -> String {
    let names = AxisNames(axes)
    guard case .axis(let axis) = names.meaning(of: name) else {
      throw InputError(message: "'rows' \(names.complaint(about: name))")
    }
    return axis
  }

  /// The score of that name, or an error that lists those there are.
  func score(_ name: String) throws -> String {
    guard scoreNames.contains(name) else {
      guard !listNames.contains(name) else {
        throw InputError(
          message: "the score '\(name)' is a list; a table with 'long' has a row for each entry")
      }
      throw InputError(message: "there is no score '\(name)'\(suggestion(for: name, in: scoreNames))")
    }
    return name
  }

  /// The list of that name, or an error that says which there are.
  func list(_ name: String) throws -> String {
    guard !listNames.isEmpty else { throw InputError(message: ScoreRows.withoutLists) }
    guard listNames.contains(name) else {
      throw InputError(message: "there is no list '\(name)'\(suggestion(for: name, in: listNames))")
    }
    return name
  }

  /// What is wrong with scores for whoever looks for histories.
  static let withoutLists = "there are no lists among the scores; curves are drawn of histories"

  /// The column that counts the entries of lists where there is nothing but lists.
  var columnOfEntries: String? { scoreNames.isEmpty && !listNames.isEmpty ? "epoch" : nil }

  /// The same with one row for each entry of the rows' lists, told apart by an axis `column` that counts from 1. Scores
  /// that are numbers stand in each of them; a list that is shorter than others has nothing in the last ones.
  func long(_ column: String) throws -> ScoreRows {
    guard !axes.contains(column) else {
      throw InputError(
        message: "there is an axis '\(column)' already; let 'long' call the column of entries otherwise")
    }
    var long = self
    long.rows = rows.flatMap { row -> [ScoreRow] in
      let count = row.lists.values.map(\.count).max() ?? 0
      if count == 0 { return [row] }
      return (0..<count).map { i in
        var entry = row
        entry.lists = [:]
        entry.labels.append(Label(axis: column, value: "\(i + 1)"))
        for (name, list) in row.lists where i < list.count { entry.scores[name] = list[i] }
        return entry
      }
    }
    return long
  }

  /// For each axis, the shortest end of its name that no other axis has.
  func shortNames(of axes: [String]) -> [String: String] {
    let names = AxisNames(axes)
    return Dictionary(uniqueKeysWithValues: axes.map { ($0, names.shortest($0)) })
  }
}
