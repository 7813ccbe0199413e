// Owns the directions of a figure: an axis, or a whole group that is one (`front` for front.regime and front.seed), and
// the order in which the matrix has its values.

import Workflow

/// One or more axes that together tell values apart.
struct Dimension: Hashable {
  /// What to write beside it.
  let name: String
  let axes: [String]
}

extension ScoreRows {
  /// What `name` means: an axis, or a group whose members' axes it takes together.
  func dimension(_ name: String) throws -> Dimension {
    if let axis = try? axis(name) { return Dimension(name: shortNames(of: axes)[axis]!, axes: [axis]) }
    // Of `network.front.seed` the groups are `network` and `network.front`, which `front` names too.
    var groups: [String] = []
    for axis in axes {
      let parts = axis.split(separator: ".")
      for count in parts.indices.dropFirst() {
        let group = parts[..<count].joined(separator: ".")
        if group == name || group.hasSuffix("." + name), !groups.contains(group) { groups.append(group) }
      }
    }
    // None or several: the error of an axis says what there is.
    guard groups.count == 1 else { return Dimension(name: name, axes: [try axis(name)]) }
    return Dimension(name: name, axes: axes.filter { $0.hasPrefix(groups[0] + ".") })
  }

  /// The values that some dimensions have among the rows, in the order of the matrix: that of a group's instances, as
  /// far as the rows show it, whichever of them conditions left out. Dimensions over the same values have one order.
  func orderedValues(of dimensions: [Dimension]) -> [[String]] {
    var found: [[String]] = []
    var position: [[String]: Int] = [:]
    var after: [Int: Set<Int>] = [:]
    for dimension in dimensions {
      // While the axes before it stay as they are, instances follow each other in the order of its values.
      var last: [[String]: Int] = [:]
      for row in rows {
        guard let value = row.dimensionValue(of: dimension) else { continue }
        if position[value] == nil {
          position[value] = found.count
          found.append(value)
        }
        let slower = row.labels.prefix { !dimension.axes.contains($0.axis) }
        let here = position[value]!
        let before = last.updateValue(here, forKey: [row.stage] + slower.flatMap { [$0.axis, $0.value] })
        if let before, before != here { after[before, default: []].insert(here) }
      }
    }
    // Sorted by what comes before what; where that leaves a choice, or is at odds with itself, by appearance.
    var sorted: [Int] = []
    var waiting = Array(found.indices)
    while !waiting.isEmpty {
      let next = waiting.first { value in !waiting.contains { after[$0]?.contains(value) ?? false } }
      sorted.append(next ?? waiting[0])
      waiting.removeAll { $0 == sorted.last }
    }
    return sorted.map { found[$0] }
  }

  /// What to write for each of a dimension's values: the parts in which they differ.
  static func dimensionTexts(_ values: [[String]]) -> [String] {
    guard let first = values.first else { return [] }
    let varying = first.indices.filter { i in values.contains { $0[i] != first[i] } }
    let shown = varying.isEmpty ? Array(first.indices) : varying
    return values.map { value in shown.map { value[$0] }.filter { !$0.isEmpty }.joined(separator: ", ") }
  }
}

extension ScoreRow {
  /// Where the row stands in a dimension; nil where it has none of its axes.
  func dimensionValue(of dimension: Dimension) -> [String]? {
    let values = dimension.axes.map(value(of:))
    return values.allSatisfy { $0 == nil } ? nil : values.map { $0 ?? "" }
  }
}
