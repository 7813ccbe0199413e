// Owns receiving tables that a command wrote: as comma-separated values, or as rows.

import Canonical
import Formats
import Foundation
import Workflow

struct TableReceiver: ArtifactReceiver {
  static let type = ArtifactType.csv
  static let help = "comma-separated values with a header"

  func receive(_ written: URL, as output: OutputArtifact) throws {
    let table = try OwnTable(contentsOf: written)
    try Data(CSV.encode(header: table.header, rows: table.rows).utf8).write(to: output.url)
  }
}

struct RowsReceiver: ArtifactReceiver {
  static let type = ArtifactType.rows
  static let help = "comma-separated values with a header, or a JSON list of objects with the same names"

  func receive(_ written: URL, as output: OutputArtifact) throws {
    let text = try boundedText(of: written)
    let isJSON = text.first { !" \t\r\n".utf8.contains($0) } == UInt8(ascii: "[")
    let rows = try isJSON ? RowsReceiver.rows(JSON(parsing: text)) : OwnTable(contentsOf: written).objects
    try Data((JSON.array(rows).canonical + "\n").utf8).write(to: output.url)
  }

  private static func rows(_ json: JSON) throws -> [JSON] {
    guard let rows = json.arrayValue, let first = rows.first else {
      throw InputError(message: "there are no rows in it")
    }
    let names = first.objectValue?.keys.sorted()
    for (i, row) in rows.enumerated() {
      guard let members = row.objectValue else {
        throw InputError(message: "row \(i) is \(row.kindOfValue), expected an object")
      }
      guard members.keys.sorted() == names else {
        throw InputError(
          message: "row \(i) has the names \(members.keys.sorted().joined(separator: ", ")), row 0 has "
            + names!.joined(separator: ", "))
      }
      for (name, value) in members where value.arrayValue != nil || value.objectValue != nil {
        throw InputError(message: "'\(name)' of row \(i) is \(value.kindOfValue), expected a single value")
      }
    }
    return rows
  }
}

/// A table of somebody's program: every row as long as the header, and numbers where a column has numbers.
private struct OwnTable {
  let header: [String]
  let rows: [[String]]

  init(contentsOf url: URL) throws {
    let lines = try CSV.decode(boundedText(of: url), file: url.lastPathComponent)
    guard let header = lines.first else { throw InputError(message: "it is empty, expected a header") }
    self.header = header
    rows = Array(lines.dropFirst())
    if let unnamed = header.firstIndex(of: "") {
      throw InputError(message: "column \(unnamed + 1) has no name in the header")
    }
    if let twice = header.indices.first(where: { header[..<$0].contains(header[$0]) }) {
      throw InputError(message: "two columns are called '\(header[twice])'")
    }
    for (i, row) in rows.enumerated() where row.count != header.count {
      throw InputError(message: "row \(i + 1) has \(row.count) cells, the header \(header.count)")
    }
    for column in header.indices {
      let cells = rows.indices.filter { !rows[$0][column].isEmpty }
      guard cells.contains(where: { number(rows[$0][column])?.isFinite ?? false }),
        let wrong = cells.first(where: { number(rows[$0][column])?.isFinite == false })
      else { continue }
      throw InputError(
        message:
          "'\(rows[wrong][column])' in column '\(header[column])' of row \(wrong + 1), expected a finite "
          + "number; leave the cell empty where there is none")
    }
  }

  /// The rows as JSON: numbers where all of a column are such, nothing for empty cells.
  var objects: [JSON] {
    let isNumeric = header.indices.map { column in
      rows.allSatisfy { $0[column].isEmpty || number($0[column]) != nil }
    }
    return rows.map { row in
      JSON.object(
        Dictionary(
          uniqueKeysWithValues: header.indices.map { i in
            let value: JSON =
              row[i].isEmpty
              ? .null
              : isNumeric[i]
                ? Int(row[i]).map(JSON.integer) ?? .number(number(row[i])!) : .string(row[i])
            return (header[i], value)
          }))
    }
  }
}

/// The number that a cell spells; nan and inf count as such.
private func number(_ cell: String) -> Double? {
  // Swift reads hexadecimal too, which a cell means as text.
  cell.lowercased().contains("x") ? nil : Double(cell)
}
