// Owns how tables are written: as comma-separated values, and as a list of JSON objects.

import Canonical
import Formats
import Foundation
import Workflow

/// Lines with the same named cells, in their order.
struct TableLines {
  /// Not empty.
  let lines: [[(name: String, value: JSON)]]

  /// A label as the number that it spells, or as text; nothing where a row lacks the axis.
  static func cell(label: String) -> JSON {
    if label.isEmpty { return .null }
    if let whole = Int(label), "\(whole)" == label { return .integer(whole) }
    return .string(label)
  }

  /// A number, or nothing.
  static func cell(number: Double?) -> JSON { number.map(JSON.number) ?? .null }

  func publish(csv: OutputArtifact, json: OutputArtifact) throws {
    let rows = lines.map { $0.map { TableLines.text($0.value) } }
    try Data(CSV.encode(header: lines[0].map(\.name), rows: rows).utf8).write(to: csv.url)
    let objects = lines.map { JSON.object(Dictionary($0.map { ($0.name, $0.value) }) { $1 }) }
    try Data((JSON.array(objects).canonical + "\n").utf8).write(to: json.url)
  }

  private static func text(_ value: JSON) -> String {
    switch value {
    case .null: ""
    case .string(let text): text
    default: value.canonical
    }
  }
}
