// Owns values as written, before their type is known: YAML (or JSON) trees whose scalars are still text,
// each with its place, so that the parameter's type decides what `on`, `1e-3` or `8/255` mean.

import Canonical
import ContentStore

/// Where in a pipeline file something stands. Lines and columns count from 1.
public struct Place: Hashable, Sendable, CustomStringConvertible {
  public var file: String
  public var line: Int
  public var column: Int

  public init(file: String, line: Int, column: Int) {
    self.file = file
    self.line = line
    self.column = column
  }

  /// For values that no file wrote: defaults, `--set` before it is placed, a worker's job.
  public static let nowhere = Place(file: "", line: 0, column: 0)

  public var description: String { line == 0 ? file : "\(file):\(line):\(column)" }
}

/// A value as written.
public indirect enum RawValue: Sendable {
  /// `null`, `~` or nothing: "not written".
  case null(Place)
  /// The text of a scalar; `quoted` says that it can only be a string.
  case scalar(String, quoted: Bool, Place)
  case list([RawValue], Place)
  /// Members in the order written; the reader has refused duplicates.
  case map([Member], Place)

  public struct Member: Sendable {
    public var name: String
    public var place: Place
    public var value: RawValue
    public init(name: String, place: Place, value: RawValue) {
      self.name = name
      self.place = place
      self.value = value
    }
  }

  public var place: Place {
    switch self {
    case .null(let place), .scalar(_, _, let place), .list(_, let place), .map(_, let place): place
    }
  }

  /// A part of this value, found by positions in lists (from 0) and names in maps; where it has no such part, the
  /// nearest around it.
  public func part(_ path: some Sequence<String>) -> RawValue {
    var value = self
    for step in path {
      switch value {
      case .list(let values, _):
        guard let position = Int(step), values.indices.contains(position) else { return value }
        value = values[position]
      case .map(let members, _):
        guard let member = members.first(where: { $0.name == step }) else { return value }
        value = member.value
      case .null, .scalar: return value
      }
    }
    return value
  }

  var isNull: Bool { if case .null = self { true } else { false } }

  /// Whether the same is written in both to the byte, wherever it stands. (Texts are equal to Swift also where their
  /// bytes differ: é has two spellings.)
  func saysTheSame(as other: RawValue) -> Bool {
    switch (self, other) {
    case (.null, .null): true
    case (.scalar(let text, let quoted, _), .scalar(let other, let otherQuoted, _)):
      quoted == otherQuoted && text.utf8.elementsEqual(other.utf8)
    case (.list(let values, _), .list(let others, _)):
      values.count == others.count && zip(values, others).allSatisfy { $0.saysTheSame(as: $1) }
    case (.map(let members, _), .map(let others, _)):
      members.count == others.count
        && zip(members, others).allSatisfy {
          $0.name.utf8.elementsEqual($1.name.utf8) && $0.value.saysTheSame(as: $1.value)
        }
    default: false
    }
  }

  /// For error messages: `'abc'`, `a list`, `a map`, `nothing`.
  public var found: String {
    switch self {
    case .null: "nothing"
    case .scalar(let text, _, _): "'\(text)'"
    case .list: "a list"
    case .map: "a map"
    }
  }

  /// A canonical JSON value as if it had been written, so that a worker decodes what the loader decoded.
  public init(_ json: JSON, at place: Place = .nowhere) {
    switch json {
    case .null: self = .null(place)
    case .string(let text): self = .scalar(text, quoted: true, place)
    case .array(let values): self = .list(values.map { RawValue($0, at: place) }, place)
    case .object(let members):
      let sorted = members.sorted { $0.key < $1.key }
      self = .map(
        sorted.map { Member(name: $0.key, place: place, value: RawValue($0.value, at: place)) }, place)
    case .bool, .integer, .number: self = .scalar(json.canonical, quoted: false, place)
    }
  }
}

/// What is wrong with a written value, and where. The loader puts the stage's name before the message.
public struct DecodingIssue: Error, Sendable, CustomStringConvertible {
  public var place: Place
  public var message: String
  /// What follows the message and may differ between instances with the same slip: the first one's is told.
  public var example: String
  public init(_ place: Place, _ message: String, example: String = "") {
    self.place = place
    self.message = message
    self.example = example
  }
  public var description: String { (place.line == 0 ? "" : "\(place): ") + message + example }
}

/// Several issues, each with its own place.
public struct DecodingIssues: Error, Sendable {
  public private(set) var issues: [DecodingIssue] = []

  public init() {}

  /// Runs `body`; what it throws is kept, with `subject` (`stage 'fit'`) before its message.
  @discardableResult
  public mutating func collect<T>(_ subject: String? = nil, _ body: () throws -> T) throws -> T? {
    do { return try body() } catch let issue as DecodingIssue { add(issue, subject) } catch let several
      as DecodingIssues
    { for issue in several.issues { add(issue, subject) } }
    return nil
  }

  public mutating func add(_ issue: DecodingIssue, _ subject: String? = nil) {
    var issue = issue
    if let subject { issue.message = "\(subject): \(issue.message)" }
    issues.append(issue)
  }

  /// Throws what was kept, if anything: a single issue as itself.
  public func throwIfAny() throws {
    if issues.count > 1 { throw self }
    if let issue = issues.first { throw issue }
  }
}
