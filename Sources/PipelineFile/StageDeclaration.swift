// Owns the keys that a pipeline file and a stage may have, and turning each stage's map into a declaration
// whose texts are parsed. It doesn't know of instances.

import Workflow

/// A stage as written.
struct StageDeclaration {
  let name: String
  /// Where its name stands.
  let place: Place
  let kind: KindDescription
  /// `with`, of a stage that `uses` a kind.
  let with: [Template.Member]
  let withPlace: Place
  let matrix: [Template.Member]
  /// Comparisons that must all hold.
  let conditions: [Template]
  /// Of a stage with `run`.
  let command: CommandDeclaration?
  let environment: [(name: String, isSecret: Bool)]
  let resources: Resources
  let retry: Retry?
  let outputs: [OutputDescription]

  /// Reads the map under a stage's name. Throws `DecodingIssue`.
  init(_ member: RawValue.Member, catalogue: KindCatalogue, params: Parameters) throws {
    name = member.name
    place = member.place
    guard Spelling.isName(name), !Path.roots.contains(name) else {
      throw DecodingIssue(
        place,
        "not a name for a stage: letters, digits, _ and -, a letter first; params, matrix, in, out are taken")
    }
    guard case .map(let members, _) = member.value else {
      throw DecodingIssue(member.value.place, "expected a map with uses or run, found \(member.value.found)")
    }
    let keys = try Keys(
      members,
      known: ["uses", "with", "matrix", "where", "environment", "resources", "retry", "executor"]
        + CommandDeclaration.keys)

    matrix = try keys.map("matrix").members.map { axis in
      guard Spelling.isName(axis.name) else {
        throw DecodingIssue(axis.place, "'\(axis.name)' is not a name for an axis: letters, digits, _ and -")
      }
      return Template.Member(name: axis.name, place: axis.place, value: try Template(axis.value))
    }
    if keys["matrix"] != nil, matrix.isEmpty {
      throw DecodingIssue(keys.place("matrix"), "'matrix' is empty: a matrix over nothing")
    }
    conditions = try keys.list("where").map { raw in
      let template = try Template(raw)
      guard case .whole(let expression, _) = template, expression.comparison != nil else {
        throw DecodingIssue(
          raw.place, "expected a comparison such as ${matrix.a != matrix.b}, found \(raw.found)")
      }
      return template
    }
    if !conditions.isEmpty, matrix.isEmpty {
      throw DecodingIssue(keys.place("where"), "'where' has no matrix to choose from")
    }
    let plain = PlainValues(params: params)
    environment = try plain.environment(keys["environment"])
    var resources = try plain.resources(keys["resources"])
    resources.isHere = try plain.staysHere(keys["executor"])
    self.resources = resources
    retry = try plain.retry(keys["retry"])

    switch (keys["uses"], keys["run"]) {
    case (let uses?, nil):
      guard case .scalar(let kindName, _, _) = uses, !kindName.contains("${") else {
        throw DecodingIssue(uses.place, "expected the name of a stage kind, found \(uses.found)")
      }
      guard let kind = catalogue[kindName] else {
        throw DecodingIssue(
          uses.place, "there is no stage kind '\(kindName)'\(suggestion(for: kindName, in: catalogue.names))")
      }
      guard !kind.takesCommands else {
        throw DecodingIssue(uses.place, "a command is written as 'run: …' instead of 'uses: \(kindName)'")
      }
      for name in CommandDeclaration.keys where keys[name] != nil {
        throw DecodingIssue(keys.place(name), "'\(name)' goes with 'run'; this stage uses '\(kindName)'")
      }
      self.kind = kind
      command = nil
      outputs = kind.outputs
      with = try keys.map("with").members.map {
        Template.Member(name: $0.name, place: $0.place, value: try Template($0.value))
      }
      withPlace = keys["with"]?.place ?? member.place
    case (nil, let run?):
      if keys["with"] != nil {
        throw DecodingIssue(
          keys.place("with"), "'with' goes with 'uses'; a command names what it reads in 'run'")
      }
      guard let kind = catalogue.command else {
        throw DecodingIssue(
          run.place, "this program has no stage kind that takes commands, which 'run' needs")
      }
      let command = try CommandDeclaration(keys, run: run, at: member.place, plain, catalogue)
      self.kind = kind
      self.command = command
      outputs = command.outputs.map {
        OutputDescription(name: $0.name, type: $0.type, help: "", fileName: $0.file)
      }
      with = []
      withPlace = run.place
    case (_?, let run?):
      throw DecodingIssue(run.place, "a stage has either 'uses' or 'run', not both")
    case (nil, nil):
      throw DecodingIssue(place, "has neither 'uses: KIND' nor 'run: COMMAND'")
    }
  }

  /// Every value that may refer to stages.
  var templates: [Template] {
    with.map(\.value) + matrix.map(\.value) + conditions + (command?.templates ?? [])
  }
}

/// The members of a map whose keys are fixed.
struct Keys {
  private let members: [RawValue.Member]

  init(_ members: [RawValue.Member], known: [String]) throws {
    self.members = members
    for member in members where !known.contains(member.name) {
      throw DecodingIssue(
        member.place, "unknown key '\(member.name)'\(suggestion(for: member.name, in: known))")
    }
  }

  /// The value of a key that is written, and not as null.
  subscript(name: String) -> RawValue? {
    guard let value = members.first(where: { $0.name == name })?.value else { return nil }
    if case .null = value { return nil }
    return value
  }

  /// Where the key stands.
  func place(_ name: String) -> Place { members.first { $0.name == name }!.place }

  func map(_ name: String) throws -> (members: [RawValue.Member], place: Place) {
    guard let value = self[name] else { return ([], .nowhere) }
    guard case .map(let members, let place) = value else {
      throw DecodingIssue(value.place, "\(name): expected a map, found \(value.found)")
    }
    return (members, place)
  }

  func list(_ name: String) throws -> [RawValue] {
    guard let value = self[name] else { return [] }
    guard case .list(let values, _) = value else {
      throw DecodingIssue(value.place, "\(name): expected a list, found \(value.found)")
    }
    return values
  }
}

extension StageDeclaration {
  /// The axes that change nothing in the stage's work, so that what looks like several results is one: a seed that was
  /// listed and not passed on. Axes of one member are left alone.
  func unusedAxes(of stage: ExpandedStage) -> [DecodingIssue] {
    let own = Set(matrix.map(\.name))
    var used = Set<String>()
    for template in with.map(\.value) + (command?.templates ?? []) {
      template.visitPaths { path, _ in
        guard path.root == "matrix", let name = path.members.first else { return }
        // An end of a longer name may be of any axis.
        if own.contains(name) { used.insert(name) } else { used = own }
      }
    }
    return matrix.compactMap { axis in
      guard !used.contains(axis.name),
        stage.axes.contains(where: { $0.name == axis.name && $0.members.count > 1 })
      else { return nil }
      return DecodingIssue(
        axis.place,
        "stage '\(name)': its work doesn't use the axis '\(axis.name)', so instances that differ in it alone are one "
          + "result: write ${matrix.\(axis.name)} where it is meant, or take it out")
    }
  }
}
