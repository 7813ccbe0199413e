// Owns the canonical text of values that are hashed, stored and sent: JSON with sorted keys, no white space
// and one spelling per number.

/// A JSON value. `canonical` is its only spelling here, so equal values have equal bytes.
public enum JSON: Hashable, Sendable {
  case null
  case bool(Bool)
  case integer(Int)
  case number(Double)
  case string(String)
  case array([JSON])
  case object([String: JSON])
}

extension JSON {
  /// The canonical text: keys in ascending order of their UTF-8 bytes, no white space, integers plain, other
  /// numbers in Swift's shortest form that reads back as the same Double. Strings escape `"`, `\` and control
  /// characters only.
  public var canonical: String {
    var out: [UInt8] = []
    write(to: &out)
    return String(decoding: out, as: UTF8.self)
  }

  /// Appends the canonical text; a hundred thousand keys are made of many values.
  public func write(to out: inout [UInt8]) {
    switch self {
    case .null: out += "null".utf8
    case .bool(let value): out += (value ? "true" : "false").utf8
    case .integer(let value): out += String(value).utf8
    case .number(let value):
      precondition(value.isFinite, "BUG: \(value) has no JSON form")
      out += value.description.utf8
    case .string(let value): JSON.write(value, to: &out)
    case .array(let values):
      out.append(UInt8(ascii: "["))
      for (i, value) in values.enumerated() {
        if i > 0 { out.append(UInt8(ascii: ",")) }
        value.write(to: &out)
      }
      out.append(UInt8(ascii: "]"))
    case .object(let members):
      out.append(UInt8(ascii: "{"))
      let sorted = members.sorted { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }
      for (i, (name, value)) in sorted.enumerated() {
        if i > 0 { out.append(UInt8(ascii: ",")) }
        JSON.write(name, to: &out)
        out.append(UInt8(ascii: ":"))
        value.write(to: &out)
      }
      out.append(UInt8(ascii: "}"))
    }
  }

  private static func write(_ text: String, to out: inout [UInt8]) {
    var text = text
    out.append(UInt8(ascii: "\""))
    text.withUTF8 { bytes in
      // What needs no escape goes out in one piece.
      var plain = 0
      for i in bytes.indices {
        let byte = bytes[i]
        guard byte < 0x20 || byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") else { continue }
        out.append(contentsOf: bytes[plain..<i])
        plain = i + 1
        out += escaped(byte).utf8
      }
      out.append(contentsOf: bytes[plain...])
    }
    out.append(UInt8(ascii: "\""))
  }

  /// `"`, `\` or a control character in a string.
  private static func escaped(_ byte: UInt8) -> String {
    switch byte {
    case UInt8(ascii: "\""): return "\\\""
    case UInt8(ascii: "\\"): return "\\\\"
    case UInt8(ascii: "\n"): return "\\n"
    case UInt8(ascii: "\t"): return "\\t"
    case UInt8(ascii: "\r"): return "\\r"
    default:
      let hex = String(byte, radix: 16)
      return "\\u" + String(repeating: "0", count: 4 - hex.count) + hex
    }
  }
}

// Reading without ceremony.
extension JSON {
  public subscript(name: String) -> JSON? {
    if case .object(let members) = self { members[name] } else { nil }
  }
  public var stringValue: String? { if case .string(let value) = self { value } else { nil } }
  public var intValue: Int? { if case .integer(let value) = self { value } else { nil } }
  public var boolValue: Bool? { if case .bool(let value) = self { value } else { nil } }
  public var arrayValue: [JSON]? { if case .array(let values) = self { values } else { nil } }
  public var objectValue: [String: JSON]? { if case .object(let members) = self { members } else { nil } }
  /// The value of an integer or a number.
  public var doubleValue: Double? {
    switch self {
    case .integer(let value): Double(value)
    case .number(let value): value
    default: nil
    }
  }
}

extension JSON: ExpressibleByStringLiteral, ExpressibleByIntegerLiteral, ExpressibleByBooleanLiteral,
  ExpressibleByArrayLiteral, ExpressibleByDictionaryLiteral, ExpressibleByFloatLiteral
{
  public init(stringLiteral value: String) { self = .string(value) }
  public init(integerLiteral value: Int) { self = .integer(value) }
  public init(booleanLiteral value: Bool) { self = .bool(value) }
  public init(floatLiteral value: Double) { self = .number(value) }
  public init(arrayLiteral elements: JSON...) { self = .array(elements) }
  public init(dictionaryLiteral elements: (String, JSON)...) {
    self = .object(Dictionary(elements) { $1 })
  }
}
