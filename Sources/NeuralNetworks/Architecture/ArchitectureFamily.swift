// Owns what a family of architectures is, as others see it: names, parameters with types and defaults. The list of all
// of them is ArchitectureFamilies.swift.

/// The value of a family's parameter.
public enum ArchitectureValue: Sendable, Hashable, Codable, CustomStringConvertible {
  case integer(Int)
  /// One of a few words.
  case word(String)

  /// `16`, `imagenet`
  public var description: String {
    switch self {
    case .integer(let value): "\(value)"
    case .word(let word): word
    }
  }
}

/// A parameter of a family.
public struct ArchitectureParameter: Sendable, Hashable {
  /// What it may be.
  public enum Values: Sendable, Hashable {
    case integers(ClosedRange<Int>)
    case words([String])
  }

  /// The name in pipeline files.
  public let name: String
  /// One line on what it changes.
  public let help: String
  /// What it may be.
  public let values: Values

  /// `a whole number from 1 to 1024`, `one of cifar, imagenet`
  public var expectation: String {
    switch values {
    case .integers(let range): "a whole number from \(range.lowerBound) to \(range.upperBound)"
    case .words(let words): "one of \(words.joined(separator: ", "))"
    }
  }

  /// The value that a text means; nil where it may not be that.
  public func value(_ text: String) -> ArchitectureValue? {
    switch values {
    case .integers(let range):
      guard let value = Int(text), range.contains(value) else { return nil }
      return .integer(value)
    case .words(let words): return words.contains(text) ? .word(text) : nil
    }
  }

  /// Whether a value may be that.
  func accepts(_ value: ArchitectureValue) -> Bool { self.value(value.description) == value }
}

/// Architectures that are one idea with parameters: residual networks, say.
public struct ArchitectureFamily: Sendable {
  /// One line on what it is, with its source.
  public let summary: String
  /// The names that are usual, in the order in which they are listed to people.
  public let names: [String]
  /// Which other names there are: `any 6n+2`; nil: none.
  public let otherNames: String?
  /// What can be chosen besides the name.
  public let parameters: [ArchitectureParameter]
  /// The file that declares it, as `#fileID` has it.
  public let file: String
  private let named: @Sendable (String) -> (any NetworkDesign)?

  init<Design: NetworkDesign>(
    _ design: Design.Type, names: [String], otherNames: String? = nil, summary: String, file: String = #fileID
  ) {
    self.summary = summary
    self.names = names
    self.otherNames = otherNames
    self.file = file
    parameters = Design.parameters.map(\.declaration)
    named = { Design(name: $0) }
  }

  /// The family that a name belongs to; nil where there is none.
  public static func of(_ name: String) -> ArchitectureFamily? { all.first { $0.named(name) != nil } }

  /// The parameters of a name's own architecture; nil where the name isn't of this family.
  public func defaults(of name: String) -> [String: ArchitectureValue]? { named(name)?.values }

  /// What architectures can be called.
  public static var knownNames: String {
    all.map { $0.names.joined(separator: ", ") + ($0.otherNames.map { " (\($0))" } ?? "") }
      .joined(separator: ", ")
  }

  /// The design of that name with these parameters, the others at the name's defaults.
  static func design(
    _ name: String, _ parameters: [String: ArchitectureValue]
  ) throws -> any NetworkDesign {
    guard let family = of(name), let plain = family.named(name) else {
      throw NetworkError("unknown architecture '\(name)'. Known: \(knownNames)")
    }
    return try plain.with(parameters, of: family, name)
  }
}

extension NetworkDesign {
  /// This design with other values of some parameters.
  fileprivate func with(
    _ values: [String: ArchitectureValue], of family: ArchitectureFamily, _ name: String
  ) throws -> any NetworkDesign {
    var design = self
    for (parameter, value) in values.sorted(by: { $0.key < $1.key }) {
      guard let declared = Self.parameters.first(where: { $0.declaration.name == parameter }) else {
        let known = family.parameters.map(\.name).joined(separator: ", ")
        throw NetworkError("\(name) has no parameter '\(parameter)'. It has: \(known)")
      }
      guard declared.declaration.accepts(value) else {
        throw NetworkError(
          "\(name): \(parameter) \(value); expected \(declared.declaration.expectation)")
      }
      declared.set(&design, value)
    }
    if let problem = design.problem { throw NetworkError("\(name): \(problem)") }
    return design
  }

  /// All parameters.
  var values: [String: ArchitectureValue] {
    Dictionary(uniqueKeysWithValues: Self.parameters.map { ($0.declaration.name, $0.get(self)) })
  }
}
