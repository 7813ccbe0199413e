// Owns comma-separated values (RFC 4180): writing them with a header, lines ending in LF alone; and reading what other
// programs write.
import Foundation

/// A table as CSV text.
public enum CSV {
  /// The text: each line ends in LF, as every tool beside spreadsheets wants it and all read it; fields with commas,
  /// quotes, CR or LF are quoted.
  public static func encode(header: [String], rows: [[String]]) -> String {
    var text = ""
    for line in [header] + rows {
      precondition(
        line.count == header.count, "BUG: a row of \(line.count) fields under \(header.count) names")
      text += line.map(field).joined(separator: ",") + "\n"
    }
    return text
  }

  /// The lines of a text, each as its fields: ended by LF, CR LF or CR, quoted or not; a byte order mark and empty lines
  /// are skipped. What isn't UTF-8, or has quotes where none can be, is an error with its line.
  /// - Parameter file: what errors call it.
  public static func decode(_ data: Data, file: String) throws -> [[String]] {
    let (quote, comma, lf, cr) = (
      UInt8(ascii: "\""), UInt8(ascii: ","), UInt8(ascii: "\n"), UInt8(ascii: "\r")
    )
    let bytes = Array(data.starts(with: [0xEF, 0xBB, 0xBF]) ? data.dropFirst(3) : data)
    var (lines, fields): ([[String]], [String]) = ([], [])
    var (i, line) = (0, 1)
    func fail(_ problem: String) -> FormatError { FormatError(file: file, "line \(line): \(problem)") }
    while i < bytes.count {
      var field: [UInt8] = []
      let isQuoted = bytes[i] == quote
      if isQuoted {
        let start = line
        i += 1
        while true {
          guard i < bytes.count else {
            line = start
            throw fail("a quote isn't closed")
          }
          if bytes[i] == quote {
            i += 1
            guard i < bytes.count, bytes[i] == quote else { break }
          }
          if bytes[i] == lf { line += 1 }
          field.append(bytes[i])
          i += 1
        }
        guard i == bytes.count || [comma, lf, cr].contains(bytes[i]) else {
          throw fail("text after a closing quote")
        }
      } else {
        while i < bytes.count, ![comma, lf, cr].contains(bytes[i]) {
          guard bytes[i] != quote else { throw fail("a quote inside of a field that isn't quoted") }
          field.append(bytes[i])
          i += 1
        }
      }
      guard let text = String(validating: field, as: UTF8.self) else { throw fail("is not UTF-8") }
      fields.append(text)
      if i < bytes.count, bytes[i] == comma {
        i += 1
        // A comma at the very end stands before an empty field.
        if i < bytes.count { continue }
        fields.append("")
      }
      if i < bytes.count {
        i += bytes[i] == cr && i + 1 < bytes.count && bytes[i + 1] == lf ? 2 : 1
        line += 1
      }
      if fields != [""] || isQuoted { lines.append(fields) }
      fields = []
    }
    return lines
  }

  private static func field(_ text: String) -> String {
    // By bytes: as a Character, CR LF is neither CR nor LF.
    let special = text.utf8.contains {
      $0 == UInt8(ascii: ",") || $0 == UInt8(ascii: "\"") || $0 == UInt8(ascii: "\n")
        || $0 == UInt8(ascii: "\r")
    }
    return special ? "\"" + text.replacing("\"", with: "\"\"") + "\"" : text
  }
}
