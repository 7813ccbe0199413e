// Owns a strict reader of small JSON texts that keeps what Foundation's loses: the order of members, names
// that occur twice, and the byte at which a text goes wrong. It knows nothing of tensors.
import Foundation

/// A JSON value with its members in file order. Numbers are whole: headers hold no others.
indirect enum JSONHeader {
  case string(String)
  case integer(Int)
  case array([JSONHeader])
  case object([(name: String, value: JSONHeader)])

  /// Reads all of `bytes`; trailing spaces are padding. Errors tell the byte offset within `bytes`.
  static func parse(_ bytes: Data, file: String) throws -> JSONHeader {
    var reader = Reader(bytes: [UInt8](bytes), file: file)
    let value = try reader.value(depth: 0)
    reader.skipSpace()
    if reader.position < reader.bytes.count { throw reader.error("text after the end of the header") }
    return value
  }
}

private struct Reader {
  let bytes: [UInt8]
  let file: String
  var position = 0

  init(bytes: [UInt8], file: String) {
    self.bytes = bytes
    self.file = file
  }

  func error(_ problem: String) -> FormatError {
    FormatError(file: file, "header is not valid JSON at byte \(position) of it: \(problem)")
  }

  mutating func skipSpace() {
    while position < bytes.count, [0x20, 0x09, 0x0a, 0x0d].contains(bytes[position]) { position += 1 }
  }

  mutating func peek() throws -> UInt8 {
    skipSpace()
    guard position < bytes.count else { throw error("it ends early") }
    return bytes[position]
  }

  mutating func expect(_ character: Character) throws {
    guard try peek() == character.asciiValue! else {
      throw error("found '\(Character(Unicode.Scalar(bytes[position])))', expected '\(character)'")
    }
    position += 1
  }

  mutating func value(depth: Int) throws -> JSONHeader {
    guard depth < 8 else { throw error("nested more than eight deep") }
    switch try peek() {
    case UInt8(ascii: "\""): return .string(try string())
    case UInt8(ascii: "["):
      return .array(try list(opening: "[", closing: "]") { try $0.value(depth: depth + 1) })
    case UInt8(ascii: "{"):
      let members = try list(opening: "{", closing: "}") { reader in
        let name = try reader.string()
        try reader.expect(":")
        return (name: name, value: try reader.value(depth: depth + 1))
      }
      var seen = Set<String>()
      for member in members where !seen.insert(member.name).inserted {
        throw FormatError(file: file, "'\(member.name)' occurs twice in the header")
      }
      return .object(members)
    case UInt8(ascii: "0")...UInt8(ascii: "9"): return .integer(try integer())
    case let other: throw error("found '\(Character(Unicode.Scalar(other)))'")
    }
  }

  mutating func list<T>(
    opening: Character, closing: Character, element: (inout Reader) throws -> T
  ) throws -> [T] {
    var elements: [T] = []
    try expect(opening)
    if try peek() == closing.asciiValue! {
      position += 1
      return elements
    }
    while true {
      elements.append(try element(&self))
      if try peek() == UInt8(ascii: ",") {
        position += 1
      } else {
        try expect(closing)
        return elements
      }
    }
  }

  mutating func integer() throws -> Int {
    let start = position
    while position < bytes.count, (0x30...0x39).contains(bytes[position]) { position += 1 }
    let digits = String(decoding: bytes[start..<position], as: UTF8.self)
    guard let value = Int(digits) else { throw error("\(digits) doesn't fit 64 bits") }
    return value
  }

  mutating func string() throws -> String {
    try expect("\"")
    let start = position
    while position < bytes.count, bytes[position] != UInt8(ascii: "\"") {
      position += bytes[position] == UInt8(ascii: "\\") ? 2 : 1
    }
    guard position < bytes.count else { throw error("a string doesn't end") }
    position += 1
    // Foundation unescapes and checks one string well.
    let quoted = Data(bytes[(start - 1)..<position])
    guard
      let text = try? JSONSerialization.jsonObject(with: quoted, options: .fragmentsAllowed) as? String
    else { throw error("a string is not valid") }
    return text
  }
}

/// `text` as a JSON string, quoted; only what must be escaped is.
func quotedJSON(_ text: String) -> String {
  var out = "\""
  for scalar in text.unicodeScalars {
    switch scalar {
    case "\"": out += "\\\""
    case "\\": out += "\\\\"
    case "\n": out += "\\n"
    case "\r": out += "\\r"
    case "\t": out += "\\t"
    case _ where scalar.value < 0x20:
      let hex = String(scalar.value, radix: 16)
      out += "\\u" + String(repeating: "0", count: 4 - hex.count) + hex
    default: out.unicodeScalars.append(scalar)
    }
  }
  return out + "\""
}
