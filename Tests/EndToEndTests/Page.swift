// Owns reading a Markdown page as what its reader would do: files to write and lines to type.

import Foundation

/// A page of the documentation, as the steps of somebody who pastes each of its blocks.
///
/// - A `yaml` or `python` block whose first line is a comment with a path is that file.
/// - A `sh` block is typed into a shell; a `text` block behind it is what that prints. `…` in it stands for any text,
///   a line of its own for any lines.
/// - `<!-- status: 2 -->` before a `sh` block: it ends so. `<!-- needs: numpy, torch -->` anywhere: Python has these.
/// - Blocks of other sorts, and `yaml fragment`, are to be looked at.
struct Page {
  enum Step {
    case file(path: String, text: String)
    case shell(lines: String, status: Int32, prints: [String])
  }

  var steps: [(line: Int, step: Step)] = []
  /// Python modules without which the page can't be followed.
  var needs: [String] = []

  init(_ text: String) throws {
    var status: Int32 = 0
    var lines = text.components(separatedBy: "\n").enumerated().makeIterator()
    while let (number, line) = lines.next() {
      if let value = Page.remark("status", in: line) { status = Int32(value) ?? 0 }
      if let value = Page.remark("needs", in: line) {
        needs += value.split(separator: ",").map { $0.trimmingCharacters(in: .whitespaces) }
      }
      guard line.hasPrefix("```") else { continue }
      let language = String(line.dropFirst(3))
      var block: [String] = []
      while let (_, line) = lines.next(), line != "```" { block.append(line) }
      switch language {
      case "yaml", "python":
        guard let first = block.first, first.hasPrefix("# "), !first.dropFirst(2).contains(" ") else {
          throw Unreadable("line \(number + 1): the first line of a file's block is '# path'")
        }
        steps.append(
          (number + 1, .file(path: String(first.dropFirst(2)), text: block.joined(separator: "\n") + "\n")))
      case "sh":
        steps.append(
          (number + 1, .shell(lines: block.joined(separator: "\n"), status: status, prints: [])))
        status = 0
      case "text":
        guard case .shell(let typed, let status, _)? = steps.last?.step else {
          throw Unreadable("line \(number + 1): what is printed stands behind what is typed")
        }
        steps[steps.count - 1].step = .shell(lines: typed, status: status, prints: block)
      default: continue
      }
    }
  }

  struct Unreadable: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
  }

  /// The value in `<!-- name: value -->`.
  private static func remark(_ name: String, in line: String) -> String? {
    guard line.hasPrefix("<!-- \(name): "), line.hasSuffix(" -->") else { return nil }
    return String(line.dropFirst("<!-- \(name): ".count).dropLast(" -->".count))
  }

  /// The first expected line that isn't in what was printed, after those before it; nil when all are.
  static func missing(_ expected: [String], in printed: String) -> String? {
    var rest = printed.components(separatedBy: "\n").map { $0.trimmingCharacters(in: .whitespaces) }[...]
    for line in expected where !["", "…"].contains(line.trimmingCharacters(in: .whitespaces)) {
      let parts = line.trimmingCharacters(in: .whitespaces).components(separatedBy: "…")
      guard let found = rest.firstIndex(where: { matches($0, parts) }) else { return line }
      rest = rest[(found + 1)...]
    }
    return nil
  }

  private static func matches(_ line: String, _ parts: [String]) -> Bool {
    guard parts.count > 1 else { return line == parts[0] }
    guard line.hasPrefix(parts[0]), line.hasSuffix(parts[parts.count - 1]) else { return false }
    var rest = line.dropFirst(parts[0].count)
    for part in parts.dropFirst() where !part.isEmpty {
      guard let range = rest.range(of: part) else { return false }
      rest = rest[range.upperBound...]
    }
    return true
  }
}
