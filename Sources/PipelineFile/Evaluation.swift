// Owns what an expression means: `params`, `matrix` and references to stages, at one point of a matrix.
// Selecting instances is in `Selecting`.

import Canonical
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
    /// Where on an axis it is, if it is a member of one.
    var seat: Seat?
  }

  func index(of stage: String) -> Int? { stageIndex[stage] }

  /// The value of `template` at `point`; nil where no matrix is at hand.
  func value(_ template: Template, at point: Point?) throws -> Value {
    switch template {
    case .null(let place): return .null(place)
    case .scalar(let text, let quoted, let place): return .scalar(text, quoted: quoted, place)
    case .whole(let expression, let place):
      try refuseComparison(expression, at: place)
      return try find(expression.path, at: place, in: point).value.used(at: place)
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
    case _ where Path.roots.contains(path.root):
      guard path.selectors.isEmpty else {
        throw DecodingIssue(place, "only stages can be selected from with [ ], not '\(path.root)'")
      }
    default: return Found(value: .group(try group(path, at: place, in: point), place))
    }
    guard !path.members.isEmpty else {
      throw DecodingIssue(place, "'\(path.root)' needs a name: ${\(path.root).name}")
    }
    switch path.root {
    case "params": return Found(value: try params.use(path, at: place))
    case "matrix": return try findOnMatrix(path, at: place, in: point)
    default:
      throw DecodingIssue(
        place, "${\(path.text)}: only 'run' and 'arguments' can name what a command reads and writes")
    }
  }

  private func findOnMatrix(_ path: Path, at place: Place, in point: Point?) throws -> Found {
    guard let point else { throw DecodingIssue(place, "${\(path.text)}: no matrix is at hand here") }
    let name = path.members[0]
    // The usual case, which happens a hundred thousand times.
    if let index = point.axes.position(of: name),
      let found = walk(from: point.seat(on: index), path.members.dropFirst(), at: place)
    {
      return found
    }
    guard !point.axes.isEmpty else {
      throw DecodingIssue(place, "${\(path.text)}: there is no axis '\(name)'; this stage has no matrix")
    }
    let subject = "${\(path.text)}: the matrix"
    guard let (index, rest) = try axis(path.members, of: point.axes, subject, at: place) else {
      throw DecodingIssue(place, "\(subject) \(point.axes.names.complaint(about: name))")
    }
    if let found = walk(from: point.seat(on: index), rest, at: place) { return found }
    // Not on this member. On another one of a labelled axis: then here it is "not written".
    let (own, member) = (point.axes[index], point.member(index))
    if leads(rest, from: own, at: place) {
      if member.isLabelled { return Found(value: .null(place)) }
      throw DecodingIssue(
        place,
        "${\(path.text)}: '\(own.name)' has no '\(rest.joined(separator: "."))'",
        example:
          " where it is \(member.spelling). With labels, { label: … }, it would count as not written there")
    }
    let end = deadEnd(rest, from: own, at: place)
    throw DecodingIssue(place, "${\(path.text)}: '\(end.path)' has no \(end.missing)")
  }

  /// Follows names from a member of an axis: axes and outputs of an instance, members of a map.
  func walk(from seat: Seat, _ names: ArraySlice<String>, at place: Place) -> Found? {
    let member = seat.axis.members[seat.member]
    guard let name = names.first else {
      return Found(
        value: member.value, label: member.isLabelled || member.instance != nil ? member.text : nil,
        seat: seat)
    }
    let rest = names.dropFirst()
    switch member.value {
    case .group(var group, _):
      let stage = stages[group.stage]!
      if let axis = stage.axes.position(of: name) {
        let next = Seat(axis: stage.axes[axis], member: stage.member(of: group.members[0], on: axis))
        return walk(from: next, rest, at: place)
      }
      guard rest.isEmpty, group.output == nil, stage.outputs.contains(where: { $0.name == name }) else {
        return nil
      }
      group.output = name
      group.text = "${\(stage.names.name(of: group.members[0])).\(name)}"
      return Found(value: .group(group, place))
    case .map:
      return member.value.descend(names).map { Found(value: $0) }
    case .null, .scalar, .list: return nil
    }
  }

  /// Whether names lead anywhere from some member of an axis.
  func leads(_ names: ArraySlice<String>, from axis: Axis, at place: Place) -> Bool {
    axis.members.indices.contains { walk(from: Seat(axis: axis, member: $0), names, at: place) != nil }
  }

  /// Where names that lead nowhere stop: what they have led to, and what isn't there, with a suggestion.
  func deadEnd(_ names: ArraySlice<String>, from axis: Axis, at place: Place) -> (
    path: String, missing: String
  ) {
    var ends = axis.members.indices.map { Seat(axis: axis, member: $0) }
    var followed = 0
    for count in 1..<max(names.count, 1) {
      let further = axis.members.indices.compactMap {
        walk(from: Seat(axis: axis, member: $0), names.prefix(count), at: place)?.seat
      }
      if further.isEmpty { break }
      (ends, followed) = (further, count)
    }
    let path = ([axis.name] + names.prefix(followed)).joined(separator: ".")
    let missing = names[names.startIndex + followed]
    let known = Set(ends.flatMap(known)).sorted()
    return (path, "'\(missing)'\(suggestion(for: missing, in: known))")
  }

  private func known(from seat: Seat) -> [String] {
    switch seat.axis.members[seat.member].value {
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
