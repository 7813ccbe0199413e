// Owns reading JSON text, strictly (RFC 8259), with a bound on nesting so that hostile text can't exhaust the stack.

/// Text that isn't JSON, with the byte offset where that showed.
public struct JSONError: Error, CustomStringConvertible, Sendable {
  public let offset: Int
  public let problem: String
  public var description: String { "not valid JSON at byte \(offset): \(problem)" }
}

extension JSON {
  /// Parses one JSON value and nothing after it. Duplicate keys and nesting deeper than 200 are errors.
  public init(parsing text: some Sequence<UInt8>) throws {
    var parser = Parser(bytes: Array(text))
    self = try parser.document()
  }

  /// Parses one JSON value.
  public init(parsing text: String) throws { try self.init(parsing: Array(text.utf8)) }
}

private struct Parser {
  let bytes: [UInt8]
  var i = 0

  func fail(_ problem: String) -> JSONError { JSONError(offset: i, problem: problem) }

  mutating func document() throws -> JSON {
    let value = try value(depth: 0)
    skipSpace()
    guard i == bytes.count else { throw fail("text after the value") }
    return value
  }

  mutating func skipSpace() {
    while i < bytes.count, bytes[i] == 0x20 || bytes[i] == 0x0A || bytes[i] == 0x0D || bytes[i] == 0x09 {
      i += 1
    }
  }

  mutating func take(_ c: Character) throws {
    guard i < bytes.count, bytes[i] == c.asciiValue else { throw fail("expected '\(c)'") }
    i += 1
  }

  mutating func takeWord(_ word: StaticString, _ value: JSON) throws -> JSON {
    let n = word.utf8CodeUnitCount
    guard i + n <= bytes.count, (0..<n).allSatisfy({ bytes[i + $0] == word.utf8Start[$0] }) else {
      throw fail("expected a value")
    }
    i += n
    return value
  }

  mutating func value(depth: Int) throws -> JSON {
    guard depth < 200 else { throw fail("nested more than 200 deep") }
    skipSpace()
    guard i < bytes.count else { throw fail("the text ends early") }
    switch bytes[i] {
    case UInt8(ascii: "{"): return try object(depth: depth)
    case UInt8(ascii: "["): return try array(depth: depth)
    case UInt8(ascii: "\""): return .string(try string())
    case UInt8(ascii: "t"): return try takeWord("true", .bool(true))
    case UInt8(ascii: "f"): return try takeWord("false", .bool(false))
    case UInt8(ascii: "n"): return try takeWord("null", .null)
    default: return try number()
    }
  }

  mutating func object(depth: Int) throws -> JSON {
    try take("{")
    var members: [String: JSON] = [:]
    skipSpace()
    if i < bytes.count, bytes[i] == UInt8(ascii: "}") { i += 1; return .object(members) }
    while true {
      skipSpace()
      let name = try string()
      skipSpace()
      try take(":")
      guard members.updateValue(try value(depth: depth + 1), forKey: name) == nil else {
        throw fail("'\(name)' appears twice")
      }
      skipSpace()
      if i < bytes.count, bytes[i] == UInt8(ascii: ",") { i += 1; continue }
      try take("}")
      return .object(members)
    }
  }

  mutating func array(depth: Int) throws -> JSON {
    try take("[")
    var values: [JSON] = []
    skipSpace()
    if i < bytes.count, bytes[i] == UInt8(ascii: "]") { i += 1; return .array(values) }
    while true {
      values.append(try value(depth: depth + 1))
      skipSpace()
      if i < bytes.count, bytes[i] == UInt8(ascii: ",") { i += 1; continue }
      try take("]")
      return .array(values)
    }
  }

  mutating func string() throws -> String {
    try take("\"")
    var out: [UInt8] = []
    while true {
      guard i < bytes.count else { throw fail("a string isn't closed") }
      let c = bytes[i]
      i += 1
      switch c {
      case UInt8(ascii: "\""):
        guard let text = String(validating: out, as: UTF8.self) else { throw fail("a string isn't UTF-8") }
        return text
      case UInt8(ascii: "\\"): try escape(into: &out)
      case 0..<0x20: throw fail("a control character in a string")
      default: out.append(c)
      }
    }
  }

  mutating func escape(into out: inout [UInt8]) throws {
    guard i < bytes.count else { throw fail("a string isn't closed") }
    let c = bytes[i]
    i += 1
    switch c {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): out.append(c)
    case UInt8(ascii: "b"): out.append(0x08)
    case UInt8(ascii: "f"): out.append(0x0C)
    case UInt8(ascii: "n"): out.append(0x0A)
    case UInt8(ascii: "r"): out.append(0x0D)
    case UInt8(ascii: "t"): out.append(0x09)
    case UInt8(ascii: "u"):
      var code = try hex4()
      if (0xD800..<0xDC00).contains(code) {
        try take("\\")
        try take("u")
        let low = try hex4()
        guard (0xDC00..<0xE000).contains(low) else { throw fail("half of a surrogate pair") }
        code = 0x10000 + (code - 0xD800) << 10 + (low - 0xDC00)
      }
      guard let scalar = Unicode.Scalar(code) else { throw fail("half of a surrogate pair") }
      out.append(contentsOf: Array(String(Character(scalar)).utf8))
    default: throw fail("unknown escape")
    }
  }

  mutating func hex4() throws -> UInt32 {
    guard i + 4 <= bytes.count, let text = String(validating: bytes[i..<i + 4], as: UTF8.self),
      text.utf8.allSatisfy({ Character(Unicode.Scalar($0)).isHexDigit }), let code = UInt32(text, radix: 16)
    else { throw fail("\\u wants four hexadecimal digits") }
    i += 4
    return code
  }

  mutating func number() throws -> JSON {
    let start = i
    if i < bytes.count, bytes[i] == UInt8(ascii: "-") { i += 1 }
    let digits = i
    func isDigit(_ at: Int) -> Bool { at < bytes.count && (0x30...0x39).contains(bytes[at]) }
    while isDigit(i) { i += 1 }
    guard i > digits else { i = start; throw fail("expected a value") }
    guard bytes[digits] != 0x30 || i == digits + 1 else { throw fail("a number starts with 0") }
    var whole = true
    if i < bytes.count, bytes[i] == UInt8(ascii: ".") {
      whole = false
      i += 1
      guard isDigit(i) else { throw fail("a digit must follow the point") }
      while isDigit(i) { i += 1 }
    }
    if i < bytes.count, bytes[i] == UInt8(ascii: "e") || bytes[i] == UInt8(ascii: "E") {
      whole = false
      i += 1
      if i < bytes.count, bytes[i] == UInt8(ascii: "+") || bytes[i] == UInt8(ascii: "-") { i += 1 }
      guard isDigit(i) else { throw fail("a digit must follow the exponent") }
      while isDigit(i) { i += 1 }
    }
    let text = String(decoding: bytes[start..<i], as: UTF8.self)
    if whole, let value = Int(text) { return .integer(value) }
    guard let value = Double(text), value.isFinite else { throw fail("'\(text)' is out of range") }
    return .number(value)
  }
}
