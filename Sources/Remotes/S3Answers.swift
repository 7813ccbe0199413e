// Owns what is read of an S3 service's XML: a few elements' texts, by name, out of an answer whose length is bounded. No
// document is built, and nothing that XML could refer to is looked at.

import Canonical
import ContentStore

package enum S3Answer {
  /// The texts of all elements of this name that hold nothing but text, in order.
  package static func texts(of element: String, in bytes: [UInt8]) -> [String] {
    let (opening, closing) = (Array("<\(element)>".utf8), Array("</\(element)>".utf8))
    var texts: [String] = []
    var i = 0
    while let start = position(of: opening, in: bytes, from: i)?.upperBound,
      let end = position(of: closing, in: bytes, from: start)
    {
      texts.append(unescaped(bytes[start..<end.lowerBound]))
      i = end.upperBound
    }
    return texts
  }

  static func text(of element: String, in bytes: [UInt8]) -> String? { texts(of: element, in: bytes).first }

  private static func position(of word: [UInt8], in bytes: [UInt8], from start: Int) -> Range<Int>? {
    var i = start
    while let found = bytes[i...].firstIndex(of: word[0]) {
      guard found + word.count <= bytes.count else { return nil }
      if bytes[found..<found + word.count].elementsEqual(word) { return found..<found + word.count }
      i = found + 1
    }
    return nil
  }

  /// XML's own five names, and characters by number.
  private static func unescaped(_ bytes: ArraySlice<UInt8>) -> String {
    let text = String(decoding: bytes, as: UTF8.self)
    guard text.contains("&") else { return text }
    let parts = text.split(separator: "&", omittingEmptySubsequences: false)
    return parts.dropFirst().reduce(into: String(parts[0])) { out, part in
      guard let end = part.firstIndex(of: ";"), let character = character(part[..<end]) else {
        out += "&" + part
        return
      }
      out.append(character)
      out += part[part.index(after: end)...]
    }
  }

  private static func character(_ name: Substring) -> Character? {
    switch name {
    case "amp": return "&"
    case "lt": return "<"
    case "gt": return ">"
    case "quot": return "\""
    case "apos": return "'"
    default:
      guard name.hasPrefix("#") else { return nil }
      let number = name.hasPrefix("#x") ? UInt32(name.dropFirst(2), radix: 16) : UInt32(name.dropFirst())
      return number.flatMap(Unicode.Scalar.init).map(Character.init)
    }
  }

  static func escaped(_ text: String) -> String {
    text.reduce(into: "") { out, c in
      switch c {
      case "&": out += "&amp;"
      case "<": out += "&lt;"
      case ">": out += "&gt;"
      default: out.append(c)
      }
    }
  }
}
