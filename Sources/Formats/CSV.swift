// Owns writing comma-separated values (RFC 4180 with a header line, but lines that end in LF alone).
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

  private static func field(_ text: String) -> String {
    // By bytes: as a Character, CR LF is neither CR nor LF.
    let special = text.utf8.contains {
      $0 == UInt8(ascii: ",") || $0 == UInt8(ascii: "\"") || $0 == UInt8(ascii: "\n")
        || $0 == UInt8(ascii: "\r")
    }
    return special ? "\"" + text.replacing("\"", with: "\"\"") + "\"" : text
  }
}
