// Owns a value whose expressions have been evaluated: raw YAML, with artifacts where a reference stood.

import Workflow

/// A value after evaluation.
indirect enum Value {
  case null(Place)
  case scalar(String, quoted: Bool, Place)
  case list([Value], Place)
  case map([Member], Place)
  /// What a reference means.
  case group(Group, Place)

  struct Member {
    var name: String
    var place: Place
    var value: Value
  }

  init(_ raw: RawValue) {
    switch raw {
    case .null(let place): self = .null(place)
    case .scalar(let text, let quoted, let place): self = .scalar(text, quoted: quoted, place)
    case .list(let values, let place): self = .list(values.map { Value($0) }, place)
    case .map(let members, let place):
      self = .map(
        members.map { Member(name: $0.name, place: $0.place, value: Value($0.value)) }, place)
    }
  }

  var place: Place {
    switch self {
    case .null(let place), .scalar(_, _, let place), .list(_, let place), .map(_, let place),
      .group(_, let place):
      place
    }
  }

  var isNull: Bool { if case .null = self { true } else { false } }

  /// The same value, a reference as if it had been written at `place`: a value is wrong where it is written, a
  /// reference where it is used.
  func used(at place: Place) -> Value {
    if case .group(let group, _) = self { .group(group, place) } else { self }
  }

  /// As a parameter's decoder takes it. Throws where an artifact stands.
  func raw() throws -> RawValue {
    switch self {
    case .null(let place): return .null(place)
    case .scalar(let text, let quoted, let place): return .scalar(text, quoted: quoted, place)
    case .list(let values, let place): return .list(try values.map { try $0.raw() }, place)
    case .map(let members, let place):
      let raw = try members.map { RawValue.Member(name: $0.name, place: $0.place, value: try $0.value.raw()) }
      return .map(raw, place)
    case .group(let group, let place):
      throw DecodingIssue(place, "expected a value, found \(group.text), which is an artifact")
    }
  }

  /// For messages: `'abc'`, `a list`, `a map`, `nothing`, `${model}`.
  var found: String {
    switch self {
    case .null: "nothing"
    case .scalar(let text, _, _): "'\(text)'"
    case .list: "a list"
    case .map: "a map"
    case .group(let group, _): group.text
    }
  }

  /// One line of text that two values share only if they are alike; names use it.
  var spelled: String {
    switch self {
    case .null: "null"
    case .scalar(let text, _, _): text
    case .list(let values, _): "[" + values.map(\.spelledInside).joined(separator: ", ") + "]"
    case .map(let members, _):
      "{" + members.map { "\($0.name): \($0.value.spelledInside)" }.joined(separator: ", ") + "}"
    case .group(let group, _): group.text
    }
  }

  private var spelledInside: String {
    if case .scalar(let text, _, _) = self {
      Spelling.isBare(text) ? text : Spelling.quoted(text)
    } else {
      spelled
    }
  }
}

/// Some instances of one stage, perhaps with one of their outputs.
struct Group {
  /// Index of the stage in the file.
  var stage: Int
  /// Instances, counted within their stage, ascending.
  var members: [Int]
  var output: String?
  /// As written, for messages: `${model}`.
  var text: String
  /// Whether it leaves an axis of its stage free, so that it may mean several whatever it means now.
  var isOpen = false
}
