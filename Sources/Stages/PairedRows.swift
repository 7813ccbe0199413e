// Owns pairing rows: those that agree on all axes but the one that is compared.

import Workflow

/// Rows by what tells them apart beside a dimension.
struct PairedRows {
  /// The word for comparing stages.
  static let stages = "stage"

  /// Rows that differ in the compared dimension, and in what is repeated.
  struct Block {
    /// Their values on the axes that are neither compared nor repeated.
    let kept: [String]
    /// For each repetition, in the rows' order, the row of each value.
    var repetitions: [[String: ScoreRow]] = []

    /// A score of two values in each repetition that has both.
    func pairs(
      of score: String, _ value: String, _ baseline: String
    ) -> (pairs: [(value: Double, baseline: Double)], unpaired: [Unpaired]) {
      var (pairs, unpaired): ([(value: Double, baseline: Double)], [Unpaired]) = ([], [])
      for repetition in repetitions {
        let (a, b) = (repetition[value], repetition[baseline])
        switch (a?.scores[score], b?.scores[score]) {
        case (let x?, let y?): pairs.append((x, y))
        case (_?, nil): unpaired.append(Unpaired(row: a!, lacks: baseline))
        case (nil, _?): unpaired.append(Unpaired(row: b!, lacks: value))
        case (nil, nil): break
        }
      }
      return (pairs, unpaired)
    }
  }

  /// A row that has no partner.
  struct Unpaired {
    let row: ScoreRow
    /// The value that a partner would have.
    let lacks: String
  }

  /// What the compared dimension is called.
  let name: String
  /// Its values, in the order of the matrix.
  let values: [String]
  /// What axes that are neither compared nor repeated are called.
  let keptNames: [String]
  private(set) var blocks: [Block] = []
  /// All axes beside the compared one.
  private let others: [String]
  private let otherNames: [String]
  private let texts: [[String]: String]
  private let dimension: Dimension

  /// - Throws: where an axis isn't one, or two rows are the same in all axes.
  init(_ all: ScoreRows, along axis: String, over: [String]) throws {
    var all = all
    if axis == PairedRows.stages, !all.axes.contains(axis) {
      all.rows = all.rows.map { row in
        var row = row
        row.labels.append(Label(axis: axis, value: row.stage))
        row.stage = ""
        return row
      }
    }
    let dimension = try all.dimension(axis)
    let repeated = Set(try over.map(all.axis))
    if let both = dimension.axes.first(where: repeated.contains) {
      throw InputError(message: "'\(both)' is compared; it can't be an axis of repetitions (over) too")
    }
    let found = all.orderedValues(of: [dimension])
    let texts = Dictionary(uniqueKeysWithValues: zip(found, ScoreRows.dimensionTexts(found)))
    let others = all.axes.filter { !dimension.axes.contains($0) }
    let kept = others.filter { !repeated.contains($0) }
    let short = all.shortNames(of: all.axes)
    (self.dimension, self.texts, self.others) = (dimension, texts, others)
    let name = dimension.name
    self.name = name
    values = found.map { texts[$0]! }
    otherNames = others.map { short[$0]! }
    keptNames = ["stage"].filter { $0 != name } + kept.map { short[$0]! }

    var places: [[String]: Int] = [:]
    var repetitions: [[String]: Int] = [:]
    for row in all.rows {
      guard let value = row.dimensionValue(of: dimension).map({ texts[$0]! }) else { continue }
      let identity = (name == PairedRows.stages ? [] : [row.stage]) + kept.map { row.value(of: $0) ?? "" }
      let place = places[identity] ?? blocks.count
      if place == blocks.count {
        places[identity] = place
        blocks.append(Block(kept: identity))
      }
      let whole = identity + others.filter(repeated.contains).map { row.value(of: $0) ?? "" }
      let repetition = repetitions[whole] ?? blocks[place].repetitions.count
      if repetition == blocks[place].repetitions.count {
        repetitions[whole] = repetition
        blocks[place].repetitions.append([:])
      }
      if blocks[place].repetitions[repetition].updateValue(row, forKey: value) != nil {
        throw InputError(
          message:
            "two rows have \(name)=\(value) and are the same on all other axes (\(otherAxes)); a pair is of one each"
        )
      }
    }
  }

  /// The other axes, for messages.
  var otherAxes: String { otherNames.isEmpty ? "there are none" : otherNames.joined(separator: ", ") }

  /// The value of that name, or an error that lists those there are.
  func value(_ written: String) throws -> String {
    guard values.contains(written) else {
      throw InputError(message: "no row has \(name)=\(written)\(suggestion(for: written, in: values))")
    }
    return written
  }

  /// The columns that name a row.
  var header: [String] { ["stage"].filter { $0 != name } + [name] + otherNames }

  /// Where a row stands.
  func cells(of row: ScoreRow) -> [String] {
    (name == PairedRows.stages ? [] : [row.stage])
      + [row.dimensionValue(of: dimension).flatMap { texts[$0] } ?? ""]
      + others.map { row.value(of: $0) ?? "" }
  }
}
