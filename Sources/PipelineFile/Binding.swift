// Owns how a stage's `with` becomes the parameters, inputs and external files of its instances, at each point
// of its matrix. What depends on some axes only is done once for them.

import Canonical
import ContentStore
import Foundation
import Workflow

/// Makes the instances of one stage.
struct Binding {
  let declaration: StageDeclaration
  let stage: ExpandedStage
  let evaluator: Evaluator
  /// Where each stage's instances begin in the graph.
  let offsets: [Int]
  let root: URL

  /// Binds the stage's instances, `offset` being the position of its first, and sees what is known of them. What is
  /// wrong goes into `found`.
  /// - Returns: the instances; nil where something is wrong with one.
  func bind(among bound: BoundInstances, at offset: Int, _ found: inout IssueCollector) throws
    -> StageInstances?
  {
    let kind = declaration.kind
    let subject = "stage '\(stage.name)'"
    let bind = try declaration.command.map(commandBinder) ?? kindBinder(subject, &found)
    var issues = InstanceIssues()
    var foreseeing = kind.foresees ? StageForesight(kind) : nil
    var columns = InstanceColumns()
    for i in 0..<stage.count {
      let point = stage.point(of: i)
      guard let parts = try issues.collect({ try bind(point) }) else { continue }
      columns.append(
        parameters: parts.parameters, inputs: parts.inputs, externals: parts.externals, code: parts.code)
      bound.add(at: offset + i)
      for mistake in foreseeing?.look(at: offset + i, parts, in: bound) ?? [] {
        issues.add(
          DecodingIssue(try place(of: mistake.path, at: point), "\(mistake.path[0]): \(mistake.message)"))
      }
    }
    found.add(issues, subject, of: stage.count)
    guard columns.count == stage.count else { return nil }
    let facts = StageFacts(
      name: stage.name, kind: kind, environment: declaration.environment.map(\.name),
      secrets: Set(declaration.environment.filter(\.isSecret).map(\.name)), outputs: declaration.outputs,
      resources: declaration.resources, retry: declaration.retry, place: declaration.place)
    return StageInstances(facts, names: stage.names, columns)
  }

  /// Where a value, or a part of one, was written that counts at this point.
  private func place(of path: [String], at point: Point) throws -> Place {
    guard let member = declaration.with.first(where: { $0.name == path[0] }) else {
      return declaration.withPlace
    }
    switch try evaluator.value(member.value, at: point) {
    case .group(_, let place): return place
    case .list(let values, let place) where path.count > 1:
      // Of references.
      if let n = Int(path[1]), values.indices.contains(n) { return values[n].place }
      return place
    case let value: return (try? value.raw().part(path.dropFirst()).place) ?? value.place
    }
  }

  private func memo<T>(_ templates: [Template]) -> Memo<T> {
    Memo(for: templates, axes: stage.axes, evaluator)
  }

  // MARK: Commands

  private func commandBinder(_ command: CommandDeclaration) -> (Point) throws -> BoundParts {
    var known: Memo<(CommandDeclaration.Bound, JSON)> = memo(command.templates)
    return { point in
      let ((bound, parameters), number) = try known.numbered(at: point) {
        let bound = try command.bound(at: point, evaluator, root: root) {
          try source(of: $0, at: $1, accepts: nil)
        }
        return (bound, try declaration.kind.decode(bound.parameters, at: command.run.place))
      }
      return BoundParts(
        parameters: .init(parameters, number), inputs: bound.inputs.map { .init($0, number) },
        externals: bound.externals.map { .init($0, number) }, code: bound.code)
    }
  }

  // MARK: Kinds

  private func kindBinder(_ subject: String, _ found: inout IssueCollector) throws -> (Point) throws ->
    BoundParts
  {
    let kind = declaration.kind
    let names = kind.parameters.map(\.name) + kind.inputs.map(\.name) + kind.externals.map(\.name)
    var written: [String: Template] = [:]
    for member in declaration.with { written[member.name] = member.value }
    // What was misspelt isn't told as missing too.
    var meant = Set<String>()
    for member in declaration.with where !names.contains(member.name) {
      try found.collect(subject) {
        throw DecodingIssue(
          member.place, "unknown parameter '\(member.name)'\(suggestion(for: member.name, in: names))")
      }
      if let name = nearestName(to: member.name, in: names) { meant.insert(name) }
    }
    let ofParameters = Set(kind.parameters.map(\.name))
    let parameters = declaration.with.filter { ofParameters.contains($0.name) }
    var knownParameters: Memo<JSON> = memo(parameters.map(\.value))
    var inputs = kind.inputs.map { input -> (InputDescription, Template?, Memo<InputBinding?>) in
      (input, written[input.name], memo(written[input.name].map { [$0] } ?? []))
    }
    var externals = kind.externals.map { external -> (ExternalDescription, Template?, Memo<External>) in
      (external, written[external.name], memo(written[external.name].map { [$0] } ?? []))
    }
    return { point in
      var issues = DecodingIssues()
      let decoded = try issues.collect {
        try knownParameters.numbered(at: point) {
          var issues = DecodingIssues()
          let members = try parameters.compactMap { member in
            try issues.collect(member.name) {
              let value = try evaluator.value(member.value, at: point).raw()
              return RawValue.Member(name: member.name, place: member.place, value: value)
            }
          }
          try issues.throwIfAny()
          return try kind.decode(members, at: declaration.withPlace, meant: meant)
        }
      }
      var bound = BoundParts(
        parameters: .init(decoded?.value ?? .null, decoded?.number), inputs: [], externals: [])
      for i in inputs.indices {
        let (input, template, _) = inputs[i]
        let found = try issues.collect {
          try inputs[i].2.numbered(at: point) {
            if template == nil, input.arity == .one, meant.contains(input.name) { throw DecodingIssues() }
            return try self.input(input, template, at: point)
          }
        }
        guard let (binding, number) = found else { continue }
        bound.inputs.append(.init(binding, number))
      }
      for i in externals.indices {
        let (external, template, _) = externals[i]
        let found = try issues.collect {
          try externals[i].2.numbered(at: point) {
            if template == nil, meant.contains(external.name) { throw DecodingIssues() }
            return try self.external(external, template, at: point)
          }
        }
        guard let (binding, number) = found else { continue }
        switch binding {
        case .outside(let binding):
          bound.inputs.append(.init(nil, number))
          bound.externals.append(.init(binding, number))
        case .made(let binding):
          bound.inputs.append(.init(binding, number))
          bound.externals.append(.init(nil, number))
        }
      }
      try issues.throwIfAny()
      // Less than all of it: the rest was told before.
      if decoded == nil || bound.inputs.count < inputs.count + externals.count { throw issues }
      return bound
    }
  }

  /// A file or folder: one that lies outside, or what another stage makes.
  private enum External {
    case outside(ExternalBinding)
    case made(InputBinding)
  }

  private func external(
    _ external: ExternalDescription, _ template: Template?, at point: Point
  ) throws -> External {
    let value = try template.map { try evaluator.value($0, at: point) }
    guard let value, !value.isNull else {
      throw DecodingIssue(declaration.withPlace, "'\(external.name)' is missing: \(external.help) (a path)")
    }
    if case .group(let group, let place) = value {
      try checkArity(of: group, external.input, at: place)
      return .made(
        InputBinding(
          name: external.name, isList: false, labelled: false,
          sources: try source(of: group, at: place, accepts: external.input).0))
    }
    guard case .scalar(let path, _, let place) = value, !path.isEmpty, !path.contains("\0") else {
      throw DecodingIssue(value.place, "\(external.name): expected a path, found \(value.found)")
    }
    let url = URL(fileURLWithPath: path, relativeTo: root).standardizedFileURL
    return .outside(
      ExternalBinding(name: external.name, url: url, patterns: external.patterns, place: place))
  }

  // MARK: Inputs

  private func input(_ input: InputDescription, _ template: Template?, at point: Point) throws
    -> InputBinding?
  {
    let value = try template.map { try evaluator.value($0, at: point) }
    guard let value, !value.isNull else {
      guard input.arity == .one else { return nil }
      throw DecodingIssue(
        declaration.withPlace, "'\(input.name)' is missing: \(input.help) (\(wanted(input)))")
    }
    var sources: [Source] = []
    switch value {
    case .group(let group, let place):
      try checkArity(of: group, input, at: place)
      sources = try self.source(of: group, at: place, accepts: input).0
    case .list(let values, _) where input.arity == .list:
      for value in values {
        guard case .group(let group, let place) = value else {
          throw notAReference(value, input, at: value.place)
        }
        sources += try self.source(of: group, at: place, accepts: input).0
      }
    // A value in a reference's stead is wrong where it is used.
    default: throw notAReference(value, input, at: template!.place)
    }
    guard !sources.isEmpty else { return nil }
    return InputBinding(
      name: input.name, isList: input.arity == .list, labelled: input.labelled, sources: sources)
  }

  private func wanted(_ input: InputDescription) -> String {
    let types = input.types.map(\.name).joined(separator: " or ")
    return input.arity == .list ? "a list of \(types)" : "one \(types)"
  }

  private func notAReference(_ value: Value, _ input: InputDescription, at place: Place) -> DecodingIssue {
    var example = "${stage}"
    if case .scalar(let text, _, _) = value, evaluator.index(of: text) != nil { example = "${\(text)}" }
    return DecodingIssue(
      place,
      "'\(input.name)' takes \(wanted(input)): expected a reference such as \(example), found \(value.found)")
  }

  private func checkArity(of group: Group, _ input: InputDescription, at place: Place) throws {
    guard input.arity != .list, group.members.count > 1 else { return }
    let stage = evaluator.stages[group.stage]!
    let free = stage.axes.indices.filter { axis in
      let first = stage.member(of: group.members[0], on: axis)
      return group.members.contains { stage.member(of: $0, on: axis) != first }
    }
    let pronoun = ["", "it", "both"][min(free.count, 2)]
    throw DecodingIssue(
      place,
      "'\(input.name)' takes \(wanted(input)); \(group.text) is a group of \(group.members.count) "
        + "(\(free.map { stage.axes[$0].name }.joined(separator: ", "))). "
        + "Bind \(free.count > 2 ? "all" : pronoun), or make it an axis.")
  }

  /// The output that a reference means: the one it names, or the only one that `input` (nil: a command)
  /// takes.
  private func source(
    of group: Group, at place: Place, accepts input: InputDescription?
  ) throws -> ([Source], fileExtension: String) {
    let stage = evaluator.stages[group.stage]!
    let output: OutputDescription
    if let written = group.output {
      output = stage.outputs.first { $0.name == written }!
      if let input, !input.accepts(output.type) {
        throw DecodingIssue(
          place, "'\(input.name)' takes \(wanted(input)); \(group.text) is a \(output.type)")
      }
    } else {
      let fitting = stage.outputs.filter { input?.accepts($0.type) ?? true }
      guard let first = fitting.first else {
        let has = stage.outputs.map { "\($0.name) (\($0.type))" }.joined(separator: ", ")
        throw DecodingIssue(
          place, "'\(input!.name)' takes \(wanted(input!)); '\(stage.name)' has no such output; it has \(has)"
        )
      }
      guard fitting.count == 1 else {
        let choices = fitting.map { "${\(stage.name).\($0.name)}" }.joined(separator: ", ")
        throw DecodingIssue(place, "\(group.text) could mean several outputs: name one, of \(choices)")
      }
      output = first
    }
    let offset = offsets[group.stage]
    let fileExtension = output.fileName.map { ($0 as NSString).pathExtension } ?? output.type.fileExtension
    return (group.members.map { Source(instance: offset + $0, output: output.name) }, fileExtension)
  }
}
