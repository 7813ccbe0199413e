// Owns `params`: those of the file, those of `--params` over them, those of `--set` over both, and looking
// one up.

import Workflow

/// The parameters of a pipeline.
final class Parameters {
  private let root: Template
  private var known: [String: Value] = [:]
  /// Where the members of a map stand, by the map's path, made when the first of them is asked for: a file may have
  /// many thousands.
  private var positions: [String: [String: Int]] = [:]
  private var underway: [String] = []
  /// Those that lead into a cycle which has been told.
  private var circular = Set<String>()
  /// Which parameters stages use, and which use which, by their paths.
  private var used = Set<String>()
  private var uses: [String: Set<String>] = [:]
  /// Nodes that parameters may copy from each other, so that ten lines can't become a billion values.
  private var copies = 1_000_000

  /// `params` as merged.
  init(_ params: RawValue?) throws {
    root = try params.map { try Template($0) } ?? .map([], .nowhere)
    var issue: DecodingIssue?
    root.visitPaths { path, place in
      if path.root != "params", issue == nil {
        issue = DecodingIssue(place, "params can refer to other params only, not to ${\(path.text)}")
      }
    }
    if let issue { throw issue }
  }

  /// The names of the parameters themselves, not of what is in them.
  var names: [String] {
    guard case .map(let members, _) = root else { return [] }
    return members.map(\.name)
  }

  /// Evaluates every parameter, so that what is wrong with one shows though nobody uses it.
  func check() throws {
    guard case .map(let members, _) = root else { return }
    var issues = DecodingIssues()
    for member in members where !circular.contains(member.name) {
      try issues.collect { try value([member.name], at: member.value.place) }
      // From then on everything is too much.
      if copies <= 0 { break }
    }
    try issues.throwIfAny()
  }

  /// The value that a path such as `params.optimizer.rate` leads to, for a stage. Throws `DecodingIssue`.
  func use(_ path: Path, at place: Place) throws -> Value {
    let names = try names(of: path, at: place) { used.insert($0) }
    used.insert(names.joined(separator: "."))
    return try value(names, at: place)
  }

  /// The members of a path, chosen ones by the value of what chooses them. `use` gets the paths of what the choice
  /// reads: what chooses, and what it chooses from.
  private func names(of path: Path, at place: Place, use: (String) -> Void) throws -> [String] {
    var names = path.members
    for (position, choice) in path.choices.sorted(by: { $0.key < $1.key }) {
      let chooser = try self.names(of: choice, at: place, use: use)
      guard case .scalar(let name, _, _) = try value(chooser, at: place) else {
        throw DecodingIssue(place, "${\(path.text)}: ${\(choice.text)} is not a name")
      }
      use(chooser.joined(separator: "."))
      use(names[..<position].joined(separator: "."))
      names[position] = name
    }
    return names
  }

  private func value(_ names: [String], at place: Place) throws -> Value {
    let key = names.joined(separator: ".")
    if let user = underway.last { uses[user, default: []].insert(key) }
    if let value = known[key] { return value }
    if underway.contains(key) || underway.count > 100 {
      circular.formUnion(underway)
      let cycle = (underway.drop { $0 != key } + [key]).joined(separator: " → ")
      throw DecodingIssue(place, "params refer to each other in a cycle: \(cycle)")
    }
    underway.append(key)
    defer { underway.removeLast() }
    var template = root
    for (i, name) in names.enumerated() {
      switch template {
      case .map(let members, _):
        guard let position = self.position(of: name, in: members, at: names[..<i]) else {
          throw unknown(names, i, members.map(\.name), at: place)
        }
        template = members[position].value
      case .whole(let expression, let use):
        let target = try value(named(expression, at: use) + names[i...], at: use)
        known[key] = target
        return target
      default: throw unknown(names, i, [], at: place)
      }
    }
    let value = try evaluate(template)
    known[key] = value
    return value
  }

  private func position(of name: String, in members: [Template.Member], at path: ArraySlice<String>) -> Int? {
    let path = path.joined(separator: ".")
    if let known = positions[path] { return known[name] }
    let made = Dictionary(uniqueKeysWithValues: members.enumerated().map { ($1.name, $0) })
    positions[path] = made
    return made[name]
  }

  private func unknown(_ names: [String], _ i: Int, _ known: [String], at place: Place) -> DecodingIssue {
    let path = names[...i].joined(separator: ".")
    return DecodingIssue(
      place,
      "${params.\(names.joined(separator: "."))}: there is no parameter '\(path)'"
        + suggestion(for: names[i], in: known))
  }

  private func evaluate(_ template: Template) throws -> Value {
    copies -= 1
    guard copies > 0 else { throw DecodingIssue(template.place, "params expand to over a million values") }
    switch template {
    case .null(let place): return .null(place)
    case .scalar(let text, let quoted, let place): return .scalar(text, quoted: quoted, place)
    case .whole(let expression, let place):
      return try spend(try value(expression, at: place))
    case .text(let segments, let quoted, let place):
      let parts = try segments.map { segment -> String in
        switch segment {
        case .literal(let text): return text
        case .expression(let expression):
          let value = try value(expression, at: place)
          guard case .scalar(let text, _, _) = value else {
            throw DecodingIssue(
              place,
              "only a single value can stand inside a text; ${\(expression.path.text)} is \(value.found)")
          }
          return text
        }
      }
      copies -= parts.reduce(0) { $0 + $1.utf8.count / 16 }
      return .scalar(parts.joined(), quoted: quoted, place)
    case .list(let values, let place): return .list(try values.map { try evaluate($0) }, place)
    case .map(let members, let place):
      let values = try members.map {
        Value.Member(name: $0.name, place: $0.place, value: try evaluate($0.value))
      }
      return .map(values, place)
    }
  }

  private func value(_ expression: Expression, at place: Place) throws -> Value {
    try value(named(expression, at: place), at: place)
  }

  private func named(_ expression: Expression, at place: Place) throws -> [String] {
    if let comparison = expression.comparison {
      throw DecodingIssue(place, "comparisons (\(comparison.operation.rawValue)) stand in 'where' only")
    }
    guard !expression.path.members.isEmpty, expression.path.selectors.isEmpty else {
      throw DecodingIssue(place, "'params' needs a name: ${params.name}")
    }
    return try names(of: expression.path, at: place) { key in
      if let user = underway.last { uses[user, default: []].insert(key) }
    }
  }

  /// Takes the size of `value` from what may still be copied.
  private func spend(_ value: Value) throws -> Value {
    func size(_ value: Value) -> Int {
      switch value {
      case .null, .scalar, .group: 1
      case .list(let values, _): values.reduce(1) { $0 + size($1) }
      case .map(let members, _): members.reduce(1) { $0 + size($1.value) }
      }
    }
    copies -= size(value)
    guard copies > 0 else { throw DecodingIssue(value.place, "params expand to over a million values") }
    return value
  }
}

extension Parameters {
  /// What is written in `file` and no stage uses, by itself or through other parameters.
  func unused(in file: String) -> [DecodingIssue] {
    var reached = used
    var stack = Array(used)
    while let key = stack.popLast() {
      for next in uses[key] ?? [] where reached.insert(next).inserted { stack.append(next) }
    }
    // Of a map, members may be used by themselves.
    var outer = Set<String>()
    for key in reached {
      let names = key.split(separator: ".")
      for count in 1..<max(names.count, 1) { outer.insert(names[..<count].joined(separator: ".")) }
    }
    var found: [DecodingIssue] = []
    func look(_ template: Template, _ path: String) {
      guard case .map(let members, _) = template else { return }
      for member in members {
        let key = path + member.name
        if outer.contains(key), !reached.contains(key) {
          look(member.value, key + ".")
        } else if !reached.contains(key), member.place.file == file {
          found.append(
            DecodingIssue(
              member.place,
              "nothing uses the parameter '\(key)': write ${params.\(key)} where it is meant, or take it out")
          )
        }
      }
    }
    look(root, "")
    return found
  }

  /// Lays `changes` over `params`; both are maps. What isn't in `params` is refused.
  static func merge(_ changes: [RawValue.Member], over params: RawValue?, path: String = "") throws
    -> RawValue?
  {
    guard case .map(var members, let place)? = params else {
      guard let first = changes.first else { return params }
      throw DecodingIssue(first.place, "there is no parameter '\(path)\(first.name)'; the file has no params")
    }
    let positions = Dictionary(uniqueKeysWithValues: members.enumerated().map { ($1.name, $0) })
    for change in changes {
      guard let i = positions[change.name] else {
        throw DecodingIssue(
          change.place,
          "there is no parameter '\(path)\(change.name)'"
            + suggestion(for: change.name, in: members.map(\.name)))
      }
      if case .map(let inner, _) = change.value, case .map = members[i].value {
        members[i].value = try merge(inner, over: members[i].value, path: "\(path)\(change.name).")!
      } else {
        members[i].value = change.value
      }
    }
    return .map(members, place)
  }

  /// Lays one `--set a.b=value` over `params`.
  static func set(_ assignment: String, over params: RawValue?) throws -> RawValue? {
    let place = Place(file: "--set \(assignment)", line: 0, column: 0)
    guard let equals = assignment.firstIndex(of: "="), equals > assignment.startIndex else {
      throw DecodingIssue(place, "expected name=value")
    }
    let names = assignment[..<equals].split(separator: ".", omittingEmptySubsequences: false).map(String.init)
    let text = String(assignment[assignment.index(after: equals)...])
    let value: RawValue
    do {
      value = try Reading.value(in: text, named: place.file)?.placed(at: place) ?? .null(place)
    } catch let error as PipelineFileError {
      // Lines and columns of one word on a command line say nothing.
      throw DecodingIssue(place, error.issues[0].message)
    }
    return try set(value, names[...], "", over: params, at: place)
  }

  private static func set(
    _ value: RawValue, _ names: ArraySlice<String>, _ path: String, over params: RawValue?, at place: Place
  ) throws -> RawValue? {
    guard let name = names.first else { return value }
    guard case .map(var members, let mapPlace)? = params else {
      let why = path.isEmpty ? "the file has no params" : "'\(path.dropLast())' is not a map"
      throw DecodingIssue(place, "there is no parameter '\(path)\(name)'; \(why)")
    }
    guard let i = members.firstIndex(where: { $0.name == name }) else {
      throw DecodingIssue(
        place, "there is no parameter '\(path)\(name)'\(suggestion(for: name, in: members.map(\.name)))")
    }
    members[i].value = try set(
      value, names.dropFirst(), "\(path)\(name).", over: members[i].value, at: place)!
    return .map(members, mapPlace)
  }
}

extension RawValue {
  func placed(at place: Place) -> RawValue {
    switch self {
    case .null: .null(place)
    case .scalar(let text, let quoted, _): .scalar(text, quoted: quoted, place)
    case .list(let values, _): .list(values.map { $0.placed(at: place) }, place)
    case .map(let members, _):
      .map(
        members.map { Member(name: $0.name, place: place, value: $0.value.placed(at: place)) }, place)
    }
  }
}
