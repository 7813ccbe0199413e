// Owns parameters that are one of several things, each with parameters of its own: an optimiser, a schedule.

import Canonical
import ContentStore

/// One of the things that a parameter can be: a struct whose properties are its `@Parameter`s.
public protocol ParameterVariant: ParameterGroup {
  /// The word for it.
  static var kind: String { get }
}

/// A parameter that is one of several variants: written as a word where all of its parameters have their defaults,
/// `schedule: cosine`, else as a map, `schedule: { kind: cosine, end: 0.01 }`.
public protocol ParameterVariants: ParameterValue {
  /// What each of them says in its way: a protocol that all variants conform to, `any OptimiserWords`.
  associatedtype Words
  /// All that there are, in the order of help.
  static var variants: [any ParameterVariant.Type] { get }
  /// The one that was chosen.
  var variant: any ParameterVariant { get }
  init(_ variant: any ParameterVariant)
}

extension ParameterVariants {
  /// What the one that was chosen says.
  public var words: Words {
    guard let words = variant as? Words else {
      preconditionFailure("BUG: '\(type(of: variant).kind)' isn't \(Words.self)")
    }
    return words
  }

  private static var kinds: [String] { variants.map { $0.kind } }

  public static var expectation: String {
    "one of \(kinds.joined(separator: ", ")), or a map with kind and what belongs to it"
  }

  public static var schema: JSON {
    let maps = variants.map { variant in
      var schema = objectSchema(of: declaredParameters(of: variant.init()).map { ($0.name, $0.declaration) })
      if case .object(var members) = schema, case .object(var properties)? = members["properties"],
        case .array(let required)? = members["required"]
      {
        properties["kind"] = ["const": .string(variant.kind)]
        members["properties"] = .object(properties)
        members["required"] = .array(["kind"] + required)
        schema = .object(members)
      }
      return schema
    }
    return ["anyOf": .array([["enum": .array(kinds.map(JSON.string))]] + maps)]
  }

  public init(raw: RawValue) throws {
    switch raw {
    case .scalar(let text, _, let place):
      let chosen = try Self.variant(text, at: place, found: raw)
      self.init(try chosen.init(raw: .map([], place)))
    case .map(let members, let place):
      guard let kind = members.first(where: { $0.name == "kind" }) else {
        throw DecodingIssue(place, "'kind' is missing: one of \(Self.kinds.joined(separator: ", "))")
      }
      guard case .scalar(let text, _, let kindPlace) = kind.value else { throw Self.issue(kind.value) }
      let chosen = try Self.variant(text, at: kindPlace, found: kind.value)
      self.init(try chosen.init(raw: .map(members.filter { $0.name != "kind" }, place)))
    case .null, .list: throw Self.issue(raw)
    }
  }

  private static func variant(
    _ name: String, at place: Place, found: RawValue
  ) throws -> any ParameterVariant.Type {
    if let variant = variants.first(where: { $0.kind == name }) { return variant }
    let near = nearestName(to: name, in: kinds).map { didYouMean([$0]) } ?? ""
    throw DecodingIssue(place, "expected \(expectation), found \(found.found)\(near)")
  }

  /// A map with the kind and all parameters.
  public var json: JSON {
    guard case .object(let members) = variant.json else { preconditionFailure("BUG: a group's JSON") }
    return .object(members.merging(["kind": .string(type(of: variant).kind)]) { $1 })
  }

  /// The word, where it says all.
  public var shortest: JSON {
    let kind = type(of: variant)
    let isComplete = declaredParameters(of: variant).allSatisfy {
      $0.declaration.defaultJSON == $0.declaration.json
    }
    return isComplete ? .string(kind.kind) : json
  }
}
