// Owns what can be said of a table's or figure's rows before anything runs: which axes and scores they will have.

import Workflow

/// Rows of which nothing is known but the names of their axes and scores.
struct ForeseenRows {
  private var axes: ScoreRows
  /// Whether these are all: of instances that something is wrong with they aren't known.
  private let knowsAxes: Bool
  /// Nil where some rows may have other scores than are known.
  private var scores: ScoreRows?
  private let isWritten: Bool

  init(_ foresight: Foresight, _ inputs: String...) { self.init(foresight, inputs) }

  init(_ foresight: Foresight, _ inputs: [String]) {
    let members = inputs.flatMap { foresight.members(of: $0) }
    isWritten = inputs.contains(where: foresight.isWritten)
    axes = ScoreRows(rows: [])
    knowsAxes = isWritten && members.allSatisfy { $0.axes != nil }
    for input in inputs {
      // What is compared with the rows goes into their columns.
      let before = axes
      axes.rows += foresight.members(of: input).map { member in
        let labels = (member.axes ?? []).map { Label(axis: (try? before.axis($0)) ?? $0, value: "") }
        return ScoreRow(stage: "", labels: labels, scores: [:])
      }
    }
    let known = members.map { $0.facts(ScoresFacts.self) }
    if known.allSatisfy({ $0 != nil }) {
      scores = ScoreRows(
        rows: known.map { facts in
          let numbers = facts!.numbers.map { ($0, 0.0) }
          return ScoreRow(
            stage: "", labels: [], scores: Dictionary(numbers) { a, _ in a },
            lists: Dictionary(facts!.lists.map { ($0, [0]) }) { a, _ in a })
        })
    }
  }

  /// The same with a row for each entry of lists, where a table makes such rows.
  func long(_ column: String?) -> ForeseenRows {
    guard let column = column ?? scores?.columnOfEntries else { return self }
    var long = self
    long.scores = scores.flatMap { try? $0.long(column) }
    long.axes.rows.append(ScoreRow(stage: "", labels: [Label(axis: column, value: "")], scores: [:]))
    return long
  }

  /// What is wrong with an axis of that name; nil: nothing.
  func problem(withAxis name: String) -> String? {
    do {
      if knowsAxes { _ = try axes.axis(name) }
      return nil
    } catch { return "\(error)" }
  }

  /// What is wrong with an axis, or a group that is one, of that name; nil: nothing.
  func problem(withDimension name: String) -> String? {
    do {
      if knowsAxes { _ = try axes.dimension(name) }
      return nil
    } catch { return "\(error)" }
  }

  /// What is wrong with a list of that name; nil: nothing, or that isn't known.
  func problem(withList name: String) -> String? {
    do {
      if isWritten { _ = try scores?.list(name) }
      return nil
    } catch { return "\(error)" }
  }

  /// What is wrong where no row has a list; nil: some have, or that isn't known.
  var problemWithoutLists: String? {
    guard isWritten, let scores, !scores.rows.isEmpty, scores.listNames.isEmpty else { return nil }
    return ScoreRows.withoutLists
  }

  /// What is wrong with a score of that name; nil: nothing, or that isn't known.
  func problem(withScore name: String) -> String? {
    do {
      if isWritten { _ = try scores?.score(name) }
      return nil
    } catch { return "\(error)" }
  }
}
