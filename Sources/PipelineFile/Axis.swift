// Owns one axis of a matrix: its members, how they are named, and how one is found again.

import Canonical
import Workflow

/// One axis of a stage's matrix.
final class Axis {
  let name: String
  let members: [Member]
  /// `name`, and those of the axes of the instances on it: `front.seed`.
  let fullNames: [String]
  private let memberByText: [String: Int]
  private let memberByInstance: [InstanceID: Int]
  /// Whether every member is a number.
  let isNumeric: Bool
  /// The axis that was compared with this one last, and whether it has the same members.
  private weak var compared: Axis?
  private var isAlike = false

  struct Member {
    /// The scalar, the label, or the canonical name of an instance; unique on the axis.
    var text: String
    /// `text` as it stands in a canonical name, in quotes where it needs some.
    var spelling: String
    var value: Value
    /// Whether `text` is a label in front of the value, not the value itself.
    var isLabelled: Bool
    /// What the member adds to an instance's labels, flattened.
    var labels: [Label]
  }

  struct InstanceID: Hashable {
    var stage: Int
    var member: Int
  }

  /// - Parameter inner: the full names of the axes of the instances on it.
  init(name: String, members: [Member], inner: [String]) throws {
    self.name = name
    self.members = members
    fullNames = [name] + inner.map { "\(name).\($0)" }
    var byText: [String: Int] = [:]
    var byInstance: [InstanceID: Int] = [:]
    for (i, member) in members.enumerated() {
      guard byText.updateValue(i, forKey: member.text) == nil else {
        throw DecodingIssue(member.value.place, "axis '\(name)' has \(member.spelling) twice")
      }
      guard !member.text.unicodeScalars.contains(where: { $0.properties.generalCategory == .control }) else {
        throw DecodingIssue(
          member.value.place,
          "axis '\(name)' has a value with control characters, such as line breaks; label it: { label: value }"
        )
      }
      if let id = member.instance { byInstance[id] = i }
    }
    memberByText = byText
    memberByInstance = byInstance
    isNumeric = members.allSatisfy { $0.number != nil }
  }

  func member(_ text: String) -> Int? { memberByText[text] }
  func member(_ instance: InstanceID) -> Int? { memberByInstance[instance] }

  /// Whether `other` has the same members in the same order.
  func hasMembers(of other: Axis) -> Bool {
    if self === other { return true }
    if compared !== other {
      compared = other
      isAlike = members.elementsEqual(other.members) { $0.text == $1.text }
    }
    return isAlike
  }
}

/// A member of an axis.
struct Seat {
  var axis: Axis
  var member: Int
}

extension Axis.Member {
  /// The number that this member is, if it is one.
  var number: Double? {
    guard case .scalar(let text, quoted: false, _) = value else { return nil }
    return Double(written: text)
  }

  /// The one instance that this member is, if it is one.
  var instance: Axis.InstanceID? {
    guard case .group(let group, _) = value, group.members.count == 1 else { return nil }
    return Axis.InstanceID(stage: group.stage, member: group.members[0])
  }
}

extension Axis {
  /// Reads `value` (a list, a labelled map or a group) as an axis. `stages` are those that it may refer to.
  convenience init(name: String, value: Value, stages: [ExpandedStage?]) throws {
    var members: [Member] = []
    var groupStages = Set<Int>()

    func add(_ group: Group, at place: Place) {
      groupStages.insert(group.stage)
      let stage = stages[group.stage]!
      for i in group.members {
        let one = Value.group(
          Group(stage: group.stage, members: [i], output: group.output, text: group.text), place)
        let own = stage.names.labels(of: i).map { Label(axis: "\(name).\($0.axis)", value: $0.value) }
        let text = stage.names.name(of: i)
        members.append(Member(text: text, spelling: text, value: one, isLabelled: false, labels: own))
      }
    }
    func add(_ text: String, _ value: Value, isLabelled: Bool) {
      members.append(
        Member(
          text: text, spelling: Spelling.isBare(text) ? text : Spelling.quoted(text), value: value,
          isLabelled: isLabelled, labels: [Label(axis: name, value: text)]))
    }

    switch value {
    case .group(let group, let place): add(group, at: place)
    case .list(let values, _):
      for value in values {
        if case .group(let group, let place) = value {
          add(group, at: place)
        } else {
          add(value.spelled, value, isLabelled: false)
        }
      }
    case .map(let labelled, _):
      for member in labelled {
        if case .group(let group, let place) = member.value, group.members.count != 1 {
          throw DecodingIssue(
            place,
            "label '\(member.name)' of axis '\(name)' takes one instance; "
              + "\(group.text) is a group of \(group.members.count)")
        }
        add(member.name, member.value, isLabelled: true)
      }
    case .null, .scalar:
      throw DecodingIssue(
        value.place,
        "axis '\(name)': expected a list, a map of labels or a group such as ${stage}, found \(value.found)")
    }
    guard !members.isEmpty else {
      throw DecodingIssue(value.place, "axis '\(name)' is empty: a matrix over nothing")
    }
    // A stage without axes, or several stages side by side: the stage's name tells the members apart.
    for i in members.indices {
      guard !members[i].isLabelled, let id = members[i].instance else { continue }
      if groupStages.count > 1 || members[i].labels.isEmpty {
        members[i].labels.insert(Label(axis: name, value: stages[id.stage]!.name), at: 0)
      }
    }
    let inner = Set(members.compactMap { $0.instance?.stage }).sorted().flatMap {
      stages[$0]!.axes.names.full
    }
    try self.init(name: name, members: members, inner: inner)
  }
}
