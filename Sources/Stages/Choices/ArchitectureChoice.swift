// Owns how pipeline files say which network: a name, or a map of a name and its family's parameters.

import Canonical
import NeuralNetworks
import Workflow

/// `resnet20`, or `{ name: resnet18, stem: imagenet }`: the name of an architecture that there is, with all parameters
/// of its family.
struct ArchitectureChoice: ParameterValue {
  let name: String
  /// Those that aren't written are the name's own.
  let parameters: [String: ArchitectureValue]
  /// The names of those that are written.
  private let written: Set<String>

  static var expectation: String {
    "a name such as resnet20, or a map of the name and parameters of its family; `bobbin kinds train` lists them"
  }

  static var schema: JSON {
    let names = ArchitectureFamily.all.flatMap(\.names)
    let name: JSON = [
      "type": "string", "description": "which network", "examples": .array(names.map(JSON.string)),
    ]
    var members: [String: JSON] = ["name": name]
    for family in ArchitectureFamily.all {
      for parameter in family.parameters where members[parameter.name] == nil {
        members[parameter.name] = parameter.schema
      }
    }
    return [
      "anyOf": [
        ["type": "string", "examples": .array(names.map(JSON.string))],
        [
          "type": "object", "additionalProperties": false, "properties": .object(members),
          "required": ["name"],
        ],
      ]
    ]
  }

  init(raw: RawValue) throws {
    switch raw {
    case .scalar(let text, _, _): try self.init(text, at: raw, [])
    case .map(let members, let place):
      guard let member = members.first(where: { $0.name == "name" }),
        case .scalar(let text, _, _) = member.value
      else {
        throw DecodingIssue(
          place, "'name' is missing: which network, such as resnet20")
      }
      try self.init(text, at: member.value, members.filter { $0.name != "name" })
    case .null, .list: throw Self.issue(raw)
    }
  }

  private init(_ name: String, at raw: RawValue, _ members: [RawValue.Member]) throws {
    let place = raw.place
    guard let family = ArchitectureFamily.of(name), var parameters = family.defaults(of: name) else {
      let near = nearestName(to: name, in: ArchitectureFamily.all.flatMap(\.names)).map { didYouMean([$0]) }
      throw DecodingIssue(
        place, "unknown architecture '\(name)'\(near ?? ". Known: \(ArchitectureFamily.knownNames)")")
    }
    var issues = DecodingIssues()
    var written = Set<String>()
    for member in members {
      if case .null = member.value { continue }
      guard let parameter = family.parameters.first(where: { $0.name == member.name }) else {
        issues.add(
          DecodingIssue(
            member.place,
            "\(name) has no parameter '\(member.name)'"
              + suggestion(for: member.name, in: family.parameters.map(\.name))))
        continue
      }
      guard case .scalar(let text, _, _) = member.value, let value = parameter.value(text) else {
        issues.add(
          DecodingIssue(
            member.value.place,
            "\(member.name): expected \(parameter.expectation), found \(member.value.found)"))
        continue
      }
      parameters[member.name] = value
      written.insert(member.name)
    }
    try issues.throwIfAny()
    do {
      _ = try Architecture.example(name: name, parameters: parameters)
    } catch let error as NetworkError { throw DecodingIssue(place, error.description) }
    self.init(name: name, parameters: parameters, written: written)
  }

  private init(name: String, parameters: [String: ArchitectureValue], written: Set<String>) {
    self.name = name
    self.parameters = parameters
    self.written = written
  }

  /// All parameters, defaults included: what is computed follows from them.
  var json: JSON {
    .object(parameters.mapValues(\.json).merging(["name": .string(name)]) { $1 })
  }

  /// The file that declares the family, as `listedCode` wants it.
  var file: String { ArchitectureFamily.of(name)!.file }

  /// This with the width that stands beside it; nil: none does.
  func with(width: Int?) throws -> ArchitectureChoice {
    guard let width else { return self }
    guard !written.contains("width") || parameters["width"] == .integer(width) else {
      throw InvalidParameter(
        "width", "\(width), but 'architecture' says \(parameters["width"]!); write it once")
    }
    let all = parameters.merging(["width": .integer(width)]) { $1 }
    do {
      _ = try Architecture.example(name: name, parameters: all)
    } catch let error as NetworkError { throw InvalidParameter("width", error.description) }
    return ArchitectureChoice(name: name, parameters: all, written: written)
  }

  /// The network for such images.
  func network(_ input: ImageShape, classes: Int) throws -> Architecture {
    try Architecture(name: name, input: input, classes: classes, parameters: parameters)
  }
}

extension ArchitectureValue {
  fileprivate var json: JSON {
    switch self {
    case .integer(let value): .integer(value)
    case .word(let word): .string(word)
    }
  }
}

extension ArchitectureParameter {
  /// Without a default: that depends on the name.
  fileprivate var schema: JSON {
    switch values {
    case .integers(let range):
      [
        "type": "integer", "description": .string(help), "minimum": .integer(range.lowerBound),
        "maximum": .integer(range.upperBound),
      ]
    case .words(let words): ["enum": .array(words.map(JSON.string)), "description": .string(help)]
    }
  }
}
