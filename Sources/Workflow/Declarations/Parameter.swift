// Owns the declaration of a parameter: type, default, bounds, unit, one line of help, all in one property.

import Canonical
import ContentStore

/// A parameter of a stage kind, declared where it is used. Files call it by the property's name in snake_case,
/// `learning_rate` for `learningRate`:
///
///     @Parameter("passes over the training data", .atLeast(1)) var epochs = 20
///     @Parameter("which network to build") var architecture: ArchitectureName      // required
///
/// One that a kind gets later says since which version, and with what value everything is computed as before. With that
/// value it isn't in the key, so that adding it invalidates nothing by itself:
///
///     @Parameter("how much is dropped", .between(0, 1), since: "0.3", before: 0) var dropout = 0.0
///
/// `before` is a promise about results that there are: it is never changed, whatever becomes of the default.
@propertyWrapper
public struct Parameter<Value: ParameterValue>: Sendable {
  let help: String
  let bounds: Bounds?
  let unit: String?
  let fallback: Value?
  let since: String?
  let before: Value?
  private let slot = Slot<Value>()

  /// A parameter with a default, which is what the property is initialised with.
  public init(wrappedValue: Value, _ help: String, _ bounds: Bounds? = nil, unit: String? = nil) {
    self.help = help
    self.bounds = bounds
    self.unit = unit
    fallback = wrappedValue
    (since, before) = (nil, nil)
  }

  /// A parameter that the kind hasn't always had.
  /// - Parameters:
  ///   - since: the first version that had it.
  ///   - before: with this value everything is computed as it was before.
  public init(
    wrappedValue: Value, _ help: String, _ bounds: Bounds? = nil, unit: String? = nil, since: String,
    before: Value
  ) {
    self.help = help
    self.bounds = bounds
    self.unit = unit
    fallback = wrappedValue
    self.since = since
    self.before = before
  }

  /// A parameter that must be written.
  public init(_ help: String, _ bounds: Bounds? = nil, unit: String? = nil) {
    self.help = help
    self.bounds = bounds
    self.unit = unit
    fallback = nil
    (since, before) = (nil, nil)
  }

  public var wrappedValue: Value {
    if slot.isWatched { slot.wasRead = true }
    guard let value = slot.value ?? fallback else { preconditionFailure("BUG: read before it was decoded") }
    return value
  }
}

/// What numbers a parameter may take; in a list or an optional it holds for each.
public struct Bounds: Sendable {
  let description: String
  let schema: [String: JSON]
  let holds: @Sendable (Double) -> Bool

  public static func atLeast(_ low: Double) -> Bounds {
    Bounds(description: "at least \(spelled(low))", schema: ["minimum": number(low)]) { $0 >= low }
  }
  public static func above(_ low: Double) -> Bounds {
    Bounds(description: "above \(spelled(low))", schema: ["exclusiveMinimum": number(low)]) { $0 > low }
  }
  public static func between(_ low: Double, _ high: Double) -> Bounds {
    Bounds(
      description: "from \(spelled(low)) to \(spelled(high))",
      schema: ["minimum": number(low), "maximum": number(high)]
    ) { $0 >= low && $0 <= high }
  }

  private static func number(_ value: Double) -> JSON {
    Int(exactly: value).map(JSON.integer) ?? .number(value)
  }
  private static func spelled(_ value: Double) -> String { number(value).canonical }

  /// The first number in `json` that is out of bounds, and its positions in the lists around it.
  func violation(in json: JSON) -> (number: JSON, path: [String])? {
    if case .array(let values) = json {
      return values.enumerated().lazy.compactMap { i, value in
        violation(in: value).map { ($0.number, ["\(i)"] + $0.path) }
      }.first
    }
    guard let value = json.doubleValue else { return nil }
    return holds(value) ? nil : (json, [])
  }
}

/// A group of parameters written as one map, such as `adversary: { epsilon: 8/255, steps: 10 }`: a struct whose
/// properties are `@Parameter`s.
public protocol ParameterGroup: ParameterValue {
  init()
}

extension ParameterGroup {
  public static var expectation: String {
    "a map with " + declaredParameters(of: Self()).map(\.name).joined(separator: ", ")
  }
  public static var schema: JSON {
    objectSchema(of: declaredParameters(of: Self()).map { ($0.name, $0.declaration) })
  }
  public init(raw: RawValue) throws {
    self.init()
    guard case .map(let members, let place) = raw else { throw Self.issue(raw) }
    try decodeParameters(declaredParameters(of: self), from: members, at: place)
  }
  /// All parameters, but those that are as they were before there were such, if that is their default too.
  public var json: JSON {
    let written = declaredParameters(of: self).filter { _, declaration in
      let json = declaration.json
      return json != declaration.beforeJSON || json != declaration.defaultJSON
    }
    return .object(Dictionary(uniqueKeysWithValues: written.map { ($0.name, $0.declaration.json) }))
  }
}

/// What the reflection of a kind or a group sees of each of its parameters.
protocol ParameterDeclaration: Sendable {
  var help: String { get }
  var unit: String? { get }
  var bounds: Bounds? { get }
  var typeExpectation: String { get }
  var valueSchema: JSON { get }
  /// Whether it must be written.
  var isRequired: Bool { get }
  var defaultJSON: JSON? { get }
  /// The version that had it first; nil: all had it.
  var since: String? { get }
  /// The value with which everything is computed as before it.
  var beforeJSON: JSON? { get }
  /// The name of its type in Swift.
  var typeName: String { get }
  var json: JSON { get }
  /// Whether `null` is one of its values.
  var takesNull: Bool { get }
  func decode(_ raw: RawValue) throws
  /// Forgets what was decoded.
  func reset()
  /// Gives it the value that it has where a canonical form doesn't tell it.
  func assumeBefore()
  /// Runs `body`; returns whether it read the value. One thread at a time, and none else reads meanwhile.
  func watch(_ body: () -> Void) -> Bool
}

extension Parameter: ParameterDeclaration {
  var typeExpectation: String { Value.expectation }
  var isRequired: Bool { fallback == nil }
  var defaultJSON: JSON? { fallback?.shortest }
  var beforeJSON: JSON? { before?.json }
  var typeName: String { "\(Value.self)" }
  var json: JSON { wrappedValue.json }
  var takesNull: Bool { (try? Value(raw: .null(.nowhere))) != nil }

  var valueSchema: JSON {
    guard case .object(var members) = Value.schema else { return Value.schema }
    members["description"] = .string(help + (unit.map { " (\($0))" } ?? ""))
    // JSON Schema applies bounds to numbers alone, so they may stand beside the choice of a text.
    if let bounds {
      if case .object(let items)? = members["items"] {
        members["items"] = .object(items.merging(bounds.schema) { $1 })
      } else {
        members.merge(bounds.schema) { $1 }
      }
    }
    if let fallback { members["default"] = fallback.shortest }
    if let since, let before {
      members["$comment"] = .string("since \(since), before as with \(before.shortest.canonical)")
    }
    return .object(members)
  }

  func decode(_ raw: RawValue) throws {
    let value = try Value(raw: raw)
    if let bounds, let wrong = bounds.violation(in: value.json) {
      let part = raw.part(wrong.path)
      var found = wrong.number.canonical
      if case .scalar(let text, _, _) = part { found = text }
      throw DecodingIssue(part.place, "expected a number \(bounds.description), found \(found)")
    }
    slot.value = value
  }

  func reset() { slot.value = nil }

  func assumeBefore() { slot.value = before }

  func watch(_ body: () -> Void) -> Bool {
    (slot.isWatched, slot.wasRead) = (true, false)
    body()
    slot.isWatched = false
    return slot.wasRead
  }
}

/// A place for a value that arrives after the declaration. A kind that runs sets it once, while it is being made.
final class Slot<Value: Sendable>: @unchecked Sendable {
  var value: Value?
  /// Of a kind that is asked, not run: whether it is noted that the value was read, and whether it was.
  var isWatched = false
  var wasRead = false
}

/// The parameters that a kind or a group declares, in order.
func declaredParameters(of value: Any) -> [(name: String, declaration: any ParameterDeclaration)] {
  Mirror(reflecting: value).children.compactMap { child in
    guard let declaration = child.value as? any ParameterDeclaration, let label = child.label else {
      return nil
    }
    return (snakeCase(label.dropFirst()), declaration)
  }
}

/// Reads each member into its parameter. Throws on unknown names, on wrong values and on required ones that are
/// absent: all that is wrong, at once.
func decodeParameters(
  _ declared: [(name: String, declaration: any ParameterDeclaration)], from members: [RawValue.Member],
  at place: Place, meant told: Set<String> = []
) throws {
  var issues = DecodingIssues()
  var meant = told
  for member in members {
    guard let n = declared.firstIndex(where: { $0.name == member.name }) else {
      let names = declared.map(\.name)
      issues.add(
        DecodingIssue(
          member.place, "unknown parameter '\(member.name)'\(suggestion(for: member.name, in: names))"))
      if let name = nearestName(to: member.name, in: names) { meant.insert(name) }
      continue
    }
    let declaration = declared[n].declaration
    // Where `null` is no value it means "not written", so that an axis can switch a parameter off.
    if member.value.isNull, !declaration.takesNull { continue }
    try issues.collect(member.name) { try declaration.decode(member.value) }
  }
  var isComplete = true
  for (name, declaration) in declared where declaration.isRequired {
    let written = members.contains { member in
      member.name == name && (!member.value.isNull || declaration.takesNull)
    }
    if written { continue }
    isComplete = false
    // What was misspelt isn't told as missing too.
    if meant.contains(name) { continue }
    issues.add(
      DecodingIssue(place, "'\(name)' is missing: \(declaration.help) (\(declaration.typeExpectation))"))
  }
  try issues.throwIfAny()
  if !isComplete { throw issues }
}

/// The JSON Schema of a map with these members and no others.
func objectSchema(of declared: [(String, any ParameterDeclaration)]) -> JSON {
  [
    "type": "object", "additionalProperties": false,
    "properties": .object(Dictionary(uniqueKeysWithValues: declared.map { ($0, $1.valueSchema) })),
    "required": .array(declared.filter { $1.isRequired }.map { .string($0.0) }),
  ]
}
