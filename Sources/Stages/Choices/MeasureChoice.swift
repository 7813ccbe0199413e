// Owns the words for measures of similarity in pipeline files.

import Canonical
import Similarity
import Workflow

/// `linear_cka`, or `{ measure: jaccard_knn, k: 20 }`: a measure that there is, with all its parameters.
struct MeasureChoice: ParameterValue {
  let measure: Measure
  /// Of all parameters; those that aren't written have their defaults.
  let settings: [String: MeasureSetting]

  /// The measure of a name that the code writes.
  init(_ name: String) {
    guard let measure = Measure.all.first(where: { $0.name == name }) else {
      preconditionFailure("BUG: there is no measure '\(name)'")
    }
    self.init(measure, [:])
  }

  private init(_ measure: Measure, _ written: [String: MeasureSetting]) {
    self.measure = measure
    settings = Dictionary(
      uniqueKeysWithValues: measure.parameters.map { ($0.name, written[$0.name] ?? $0.fallback) })
  }

  static var expectation: String {
    "the name of a measure, or a map with measure and its parameters; `bobbin kinds similarity` lists them"
  }

  static var schema: JSON {
    let maps = Measure.all.filter { !$0.parameters.isEmpty }.map { measure -> JSON in
      var properties: [String: JSON] = ["measure": ["const": .string(measure.name)]]
      for parameter in measure.parameters { properties[parameter.name] = parameter.schema }
      return [
        "type": "object", "additionalProperties": false, "properties": .object(properties),
        "required": ["measure"],
      ]
    }
    return ["anyOf": .array([["enum": .array(names.map(JSON.string))]] + maps)]
  }
  private static var names: [String] { Measure.all.map(\.name) }

  init(raw: RawValue) throws {
    switch raw {
    case .scalar(let text, _, let place): self.init(try Self.measure(text, at: place), [:])
    case .map(let members, let place):
      guard let name = members.first(where: { $0.name == "measure" }) else {
        throw DecodingIssue(place, "'measure' is missing: which one, such as linear_cka")
      }
      guard case .scalar(let text, _, let namePlace) = name.value else { throw Self.issue(name.value) }
      let measure = try Self.measure(text, at: namePlace)
      var (issues, written) = (DecodingIssues(), [String: MeasureSetting]())
      for member in members where member.name != "measure" {
        try issues.collect(nil) { written[member.name] = try measure.setting(of: member) }
      }
      try issues.throwIfAny()
      self.init(measure, written.compactMapValues { $0 })
    case .null, .list: throw Self.issue(raw)
    }
  }

  private static func measure(_ name: String, at place: Place) throws -> Measure {
    guard let measure = Measure.all.first(where: { $0.name == name }) else {
      throw DecodingIssue(place, "there is no measure '\(name)'\(suggestion(for: name, in: names))")
    }
    return measure
  }

  /// The name, where the measure has no parameters, else a map with all of them.
  var json: JSON {
    if settings.isEmpty { return .string(measure.name) }
    return .object(settings.mapValues(\.json).merging(["measure": .string(measure.name)]) { $1 })
  }

  var shortest: JSON { changed.isEmpty ? .string(measure.name) : json }

  /// What the score is called: the measure, and the parameters that haven't their defaults: `jaccard_knn_k_20`.
  var scoreName: String {
    changed.reduce(measure.name) { name, parameter in
      let value = "\(settings[parameter.name]!)".map { $0.isLetter || $0.isNumber ? String($0) : "_" }
      return "\(name)_\(parameter.name)_\(value.joined().lowercased())"
    }
  }

  private var changed: [MeasureParameter] {
    measure.parameters.filter { settings[$0.name] != $0.fallback }
  }
}

extension MeasureSetting {
  fileprivate var json: JSON {
    switch self {
    case .whole(let value): .integer(value)
    case .number(let value): .number(value)
    case .word(let word): .string(word)
    }
  }
}

extension MeasureParameter {
  fileprivate var expectation: String {
    switch values {
    case .wholes(let range): "a whole number from \(range.lowerBound) to \(range.upperBound)"
    case .numbers(let range):
      "a number from \(JSON.number(range.lowerBound).canonical) to \(JSON.number(range.upperBound).canonical)"
    case .words(let words): "one of \(words.joined(separator: ", "))"
    }
  }

  fileprivate var schema: JSON {
    var members: [String: JSON] = ["description": .string(help), "default": fallback.json]
    switch values {
    case .wholes(let range):
      members["type"] = "integer"
      members["minimum"] = .integer(range.lowerBound)
      members["maximum"] = .integer(range.upperBound)
    case .numbers(let range):
      members["type"] = "number"
      members["minimum"] = .number(range.lowerBound)
      members["maximum"] = .number(range.upperBound)
    case .words(let words): members["enum"] = .array(words.map(JSON.string))
    }
    return .object(members)
  }

  /// A line for help: `k (a whole number from 1 to 20000, default 10): neighbours`.
  var measureParameterHelp: String { "\(name) (\(expectation), default \(fallback.json.canonical)): \(help)" }

  fileprivate func setting(_ raw: RawValue) throws -> MeasureSetting {
    let setting: MeasureSetting? =
      switch values {
      case .wholes(let range):
        (try? Int(raw: raw)).flatMap { range.contains($0) ? .whole($0) : nil }
      case .numbers(let range):
        (try? Double(raw: raw)).flatMap { range.contains($0) ? .number($0) : nil }
      case .words(let words):
        (try? String(raw: raw)).flatMap { words.contains($0) ? .word($0) : nil }
      }
    guard let setting else {
      throw DecodingIssue(raw.place, "\(name): expected \(expectation), found \(raw.found)")
    }
    return setting
  }
}

extension Measure {
  /// What is written of a parameter; nil: `null`, as if it weren't.
  fileprivate func setting(of member: RawValue.Member) throws -> MeasureSetting? {
    guard let parameter = parameters.first(where: { $0.name == member.name }) else {
      let cure =
        parameters.isEmpty ? "; it has none" : suggestion(for: member.name, in: parameters.map(\.name))
      throw DecodingIssue(member.place, "\(name) has no parameter '\(member.name)'\(cure)")
    }
    if case .null = member.value { return nil }
    return try parameter.setting(member.value)
  }
}
