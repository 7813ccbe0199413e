// Owns writing comma-separated values (RFC 4180, with a header line).
import Foundation

/// A table as CSV text.
public enum CSV {
  /// The text: lines end in CR LF; fields with commas, quotes or line breaks are quoted.
  public static func encode(header: [String], rows: [[String]]) -> String {
    var text = ""
    for line in [header] + rows {
      precondition(
        line.count == header.count, "BUG: a row of \(line.count) fields under \(header.count) names")
      text += line.map(field).joined(separator: ",") + "\r\n"
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
