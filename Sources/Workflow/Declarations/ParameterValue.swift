// Owns the types that a parameter may have: how each reads what was written, its canonical JSON, and how it
// describes itself.

import Canonical
import ContentStore

/// A type that a parameter can have.
public protocol ParameterValue: Sendable {
  /// What a reader should write, for messages and help: `a whole number`.
  static var expectation: String { get }
  /// The JSON Schema (draft 2020-12) of what may be written.
  static var schema: JSON { get }
  /// Reads what was written. Throws `DecodingIssue`.
  init(raw: RawValue) throws
  /// The canonical form, which goes into the key and to the worker; `init(raw:)` reads it back.
  var json: JSON { get }
  /// The shortest form that may be written: how help tells a default.
  var shortest: JSON { get }
}

extension ParameterValue {
  public var shortest: JSON { json }

  /// The issue of finding `raw` where this type is expected.
  public static func issue(_ raw: RawValue) -> DecodingIssue {
    var message = "expected \(expectation), found \(raw.found)"
    // `"1"` is a text, whatever it looks like.
    if case .scalar(let text, quoted: true, let place) = raw,
      (try? Self(raw: .scalar(text, quoted: false, place))) != nil
    {
      message += ", which its quotes make a text; take them away"
    }
    return DecodingIssue(raw.place, message)
  }
}

extension Int: ParameterValue {
  public static var expectation: String { "a whole number" }
  public static var schema: JSON { ["type": "integer"] }
  public init(raw: RawValue) throws {
    guard case .scalar(let text, quoted: false, _) = raw,
      let value = Int(text.replacing("_", with: "")), text.first != "_", text.first != "+"
    else { throw Int.issue(raw) }
    self = value
  }
  public var json: JSON { .integer(self) }
}

extension Double: ParameterValue {
  public static var expectation: String { "a number (1e-3 and fractions such as 8/255 are fine)" }
  public static var schema: JSON {
    ["anyOf": [["type": "number"], ["type": "string", "pattern": "^[0-9.eE+-]+/[0-9.eE+-]+$"]]]
  }
  public init(raw: RawValue) throws {
    guard case .scalar(let text, _, _) = raw, let value = Double(written: text), value.isFinite else {
      throw Double.issue(raw)
    }
    self = value
  }
  /// The number that a pipeline file writes as `3`, `1e-3` or `8/255`.
  public init?(written text: String) {
    let parts = text.split(separator: "/", omittingEmptySubsequences: false)
    let isPlain = text.utf8.allSatisfy { "0123456789.eE+-/".utf8.contains($0) }
    guard isPlain, let first = Double(parts[0]) else { return nil }
    if parts.count == 1 {
      self = first
      return
    }
    guard parts.count == 2, let second = Double(parts[1]), second != 0 else { return nil }
    self = first / second
  }
  public var json: JSON { .number(self) }
}

extension Bool: ParameterValue {
  public static var expectation: String { "true or false" }
  public static var schema: JSON { ["type": "boolean"] }
  public init(raw: RawValue) throws {
    guard case .scalar(let text, quoted: false, _) = raw, let value = Bool(text.lowercased()) else {
      throw Bool.issue(raw)
    }
    self = value
  }
  public var json: JSON { .bool(self) }
}

extension String: ParameterValue {
  public static var expectation: String { "text" }
  public static var schema: JSON { ["type": ["string", "number", "boolean"]] }
  public init(raw: RawValue) throws {
    guard case .scalar(let text, _, _) = raw else { throw String.issue(raw) }
    self = text
  }
  public var json: JSON { .string(self) }
}

extension Optional: ParameterValue where Wrapped: ParameterValue {
  public static var expectation: String { Wrapped.expectation + ", or null" }
  public static var schema: JSON { ["anyOf": [Wrapped.schema, ["type": "null"]]] }
  public init(raw: RawValue) throws {
    if case .null = raw { self = nil } else { self = try Wrapped(raw: raw) }
  }
  public var json: JSON { self?.json ?? .null }
  public var shortest: JSON { self?.shortest ?? .null }
}

extension Array: ParameterValue where Element: ParameterValue {
  public static var expectation: String { "a list, each \(Element.expectation)" }
  public static var schema: JSON { ["type": "array", "items": Element.schema] }
  public init(raw: RawValue) throws {
    guard case .list(let values, _) = raw else { throw Self.issue(raw) }
    var (issues, elements) = (DecodingIssues(), [Element]())
    for value in values { try issues.collect { elements.append(try Element(raw: value)) } }
    try issues.throwIfAny()
    self = elements
  }
  public var json: JSON { .array(map { $0.json }) }
  public var shortest: JSON { .array(map { $0.shortest }) }
}

extension Dictionary: ParameterValue where Key == String, Value: ParameterValue {
  public static var expectation: String { "a map, each \(Value.expectation)" }
  public static var schema: JSON { ["type": "object", "additionalProperties": Value.schema] }
  public init(raw: RawValue) throws {
    guard case .map(let members, _) = raw else { throw Self.issue(raw) }
    self = [:]
    var issues = DecodingIssues()
    for member in members { self[member.name] = try issues.collect { try Value(raw: member.value) } }
    try issues.throwIfAny()
  }
  // A closure: a key path of a generic type is put together at each use.
  public var json: JSON { .object(mapValues { $0.json }) }
}

/// A parameter that is one of a few words: declare `enum Method: String, ParameterChoice { case direct … }`.
public protocol ParameterChoice: ParameterValue, CaseIterable, RawRepresentable where RawValue == String {}

extension ParameterChoice {
  public static var expectation: String {
    "one of " + allCases.map(\.rawValue).joined(separator: ", ")
  }
  public static var schema: JSON { ["enum": .array(allCases.map { .string($0.rawValue) })] }
  public init(raw: Workflow.RawValue) throws {
    guard case .scalar(let text, _, let place) = raw else { throw Self.issue(raw) }
    guard let value = Self(rawValue: text) else {
      let near = nearestName(to: text, in: Self.allCasesText).map { didYouMean([$0]) } ?? ""
      throw DecodingIssue(place, "expected \(Self.expectation), found '\(text)'\(near)")
    }
    self = value
  }
  public var json: JSON { .string(rawValue) }
  private static var allCasesText: [String] { allCases.map(\.rawValue) }
}
