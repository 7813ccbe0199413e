// Owns what an expression means: `params`, `matrix` and references to stages, at one point of a matrix.
// Selecting instances is in `Selecting`.

import Workflow

/// Evaluates templates of one pipeline file.
final class Evaluator {
  let params: Parameters
  let stageNames: [String]
  private let stageIndex: [String: Int]
  /// The stages that have been expanded so far: those that the stage at hand refers to.
  var stages: [ExpandedStage?]

  init(params: Parameters, stageNames: [String]) {
    self.params = params
    self.stageNames = stageNames
    stageIndex = Dictionary(uniqueKeysWithValues: stageNames.enumerated().map { ($1, $0) })
    stages = Array(repeating: nil, count: stageNames.count)
  }

  /// What a path leads to; on a labelled axis (or a group) the label that goes with the value.
  struct Found {
    var value: Value
    var label: String?
  }

  func index(of stage: String) -> Int? { stageIndex[stage] }

  /// The value of `template` at `point`; nil where no matrix is at hand.
  func value(_ template: Template, at point: Point?) throws -> Value {
    switch template {
    case .null(let place): return .null(place)
    case .scalar(let text, let quoted, let place): return .scalar(text, quoted: quoted, place)
    case .whole(let expression, let place):
      try refuseComparison(expression, at: place)
      return try find(expression.path, at: place, in: point).value.placed(at: place)
    case .text(let segments, let quoted, let place):
      let parts = try segments.map { segment -> String in
        switch segment {
        case .literal(let text): return text
        case .expression(let expression):
          try refuseComparison(expression, at: place)
          return try scalar(expression.path, at: place, in: point)
        }
      }
      return .scalar(parts.joined(), quoted: quoted, place)
    case .list(let values, let place): return .list(try values.map { try value($0, at: point) }, place)
    case .map(let members, let place):
      let values = try members.map {
        Value.Member(name: $0.name, place: $0.place, value: try value($0.value, at: point))
      }
      return .map(values, place)
    }
  }

  func refuseComparison(_ expression: Expression, at place: Place) throws {
    if let comparison = expression.comparison {
      throw DecodingIssue(place, "comparisons (\(comparison.operation.rawValue)) stand in 'where' only")
    }
  }

  /// The text that a path stands for inside a text.
  func scalar(_ path: Path, at place: Place, in point: Point?) throws -> String {
    let found = try find(path, at: place, in: point)
    if case .scalar(let text, _, _) = found.value { return text }
    if let label = found.label { return label }
    throw DecodingIssue(
      place, "only a single value can stand inside a text; ${\(path.text)} is \(found.value.found)")
  }

  /// What a path leads to.
  func find(_ path: Path, at place: Place, in point: Point?) throws -> Found {
    switch path.root {
    case "params", "matrix", "out":
      guard path.selectors.isEmpty else {
        throw DecodingIssue(place, "only stages can be selected from with [ ], not '\(path.root)'")
      }
    default: return Found(value: .group(try group(path, at: place, in: point), place))
    }
    guard let first = path.members.first else {
      throw DecodingIssue(place, "'\(path.root)' needs a name: ${\(path.root).name}")
    }
    switch path.root {
    case "params": return Found(value: try params.value(path.members, at: place))
    case "matrix": return try findOnMatrix(path, first, at: place, in: point)
    default:
      throw DecodingIssue(place, "${\(path.text)}: only 'run' can name its outputs")
    }
  }

  private func findOnMatrix(_ path: Path, _ axis: String, at place: Place, in point: Point?) throws -> Found {
    guard let point else { throw DecodingIssue(place, "${\(path.text)}: no matrix is at hand here") }
    guard let index = point.axisIndex[axis] else {
      let cure =
        point.axes.isEmpty ? "; this stage has no matrix" : suggestion(for: axis, in: point.axes.map(\.name))
      throw DecodingIssue(place, "${\(path.text)}: there is no axis '\(axis)'\(cure)")
    }
    let rest = path.members.dropFirst()
    if let found = walk(point.member(index), rest, at: place) { return found }
    // Not on this member. On another one of a labelled axis: then here it is "not written".
    if point.member(index).isLabelled,
      point.axes[index].members.contains(where: { walk($0, rest, at: place) != nil })
    {
      return Found(value: .null(place))
    }
    let name = rest.first!
    let cure = suggestion(for: name, in: known(on: point.member(index)))
    throw DecodingIssue(place, "${\(path.text)}: '\(axis)' has no '\(name)'\(cure)")
  }

  /// Follows names from a member of an axis: axes and outputs of an instance, members of a map.
  func walk(_ member: Axis.Member, _ names: ArraySlice<String>, at place: Place) -> Found? {
    guard let name = names.first else {
      return Found(
        value: member.value, label: member.isLabelled || member.instance != nil ? member.text : nil)
    }
    let rest = names.dropFirst()
    switch member.value {
    case .group(var group, _):
      let stage = stages[group.stage]!
      if let axis = stage.axis(name) {
        return walk(stage.axes[axis].members[stage.member(of: group.members[0], on: axis)], rest, at: place)
      }
      guard rest.isEmpty, group.output == nil, stage.outputs.contains(where: { $0.name == name }) else {
        return nil
      }
      group.output = name
      group.text = "${\(stage.names[group.members[0]]).\(name)}"
      return Found(value: .group(group, place))
    case .map:
      return member.value.descend(names).map { Found(value: $0) }
    case .null, .scalar, .list: return nil
    }
  }

  private func known(on member: Axis.Member) -> [String] {
    switch member.value {
    case .group(let group, _):
      let stage = stages[group.stage]!
      return stage.axes.map(\.name) + stage.outputs.map(\.name)
    case .map(let members, _): return members.map(\.name)
    case .null, .scalar, .list: return []
    }
  }
}

extension Value {
  /// Follows names through maps.
  func descend(_ names: ArraySlice<String>) -> Value? {
    var value = self
    for name in names {
      guard case .map(let members, _) = value, let member = members.first(where: { $0.name == name }) else {
        return nil
      }
      value = member.value
    }
    return value
  }
}
