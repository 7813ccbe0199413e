// Owns which instances a reference such as `model[regime=standard, front.seed=0|1].model` means. Conditions are in
// `Comparing`.

import Canonical
import Workflow

extension Evaluator {
  /// The instances that `path`, whose root is a stage, means.
  func group(_ path: Path, at place: Place, in point: Point?) throws -> Group {
    guard let index = index(of: path.root) else {
      throw DecodingIssue(
        place, "there is no stage '\(path.root)'\(suggestion(for: path.root, in: stageNames))")
    }
    guard let stage = stages[index] else {
      throw DecodingIssue(place, "${\(path.text)}: a stage can't be referred to here")
    }
    guard path.members.count <= 1 else {
      throw DecodingIssue(place, "${\(path.text)}: after a stage stands one name, of an output")
    }
    if let output = path.members.first, !stage.outputs.contains(where: { $0.name == output }) {
      let known = stage.outputs.map(\.name)
      throw DecodingIssue(
        place, "'\(stage.name)' has no output '\(output)'\(suggestion(for: output, in: known))")
    }
    return Group(
      stage: index, members: try members(of: stage, path, at: place, in: point), output: path.members.first,
      text: "${\(path.text)}", isOpen: path.selectors.count < stage.axes.count)
  }

  private func members(of stage: ExpandedStage, _ path: Path, at place: Place, in point: Point?) throws
    -> [Int]
  {
    guard !path.selectors.isEmpty else { return Array(0..<stage.count) }
    var chosen: [(axis: Int, members: Set<Int>)] = []
    for selector in path.selectors {
      let subject = "'\(stage.name)'"
      guard let (axis, rest) = try axis(selector.axis, of: stage.axes, subject, at: place) else {
        let name = selector.axis[0]
        throw DecodingIssue(
          place,
          stage.axes.isEmpty
            ? "\(subject) has no matrix to select from by '\(name)'"
            : "\(subject) \(stage.axes.names.complaint(about: name))")
      }
      var members = Set<Int>()
      for term in selector.terms {
        let operand = try operand(term, at: place, in: point)
        let matches = matching(operand, stage.axes[axis], rest, at: place)
        if matches.isEmpty {
          throw try nothingHas(selector, operand, stage, axis, rest, at: place)
        }
        members.formUnion(matches)
      }
      chosen.append((axis, members))
    }
    // Start from the selector that leaves least, so that picking one of 100,000 doesn't look at all of them.
    let sizes = chosen.map { choice in
      choice.members.reduce(0) { $0 + stage.instances(with: $1, on: choice.axis).count }
    }
    let first = sizes.indices.min { sizes[$0] < sizes[$1] }!
    var instances: [Int] = []
    for member in chosen[first].members { instances += stage.instances(with: member, on: chosen[first].axis) }
    instances.removeAll { instance in
      chosen.contains { !$0.members.contains(stage.member(of: instance, on: $0.axis)) }
    }
    guard !instances.isEmpty else {
      throw DecodingIssue(place, "no instance of '\(stage.name)' has all of ${\(path.text)} together")
    }
    return instances.sorted()
  }

  /// The members of `axis` for which `names` lead to something equal to `operand`.
  private func matching(
    _ operand: Operand, _ axis: Axis, _ names: ArraySlice<String>, at place: Place
  ) -> [Int] {
    if names.isEmpty {
      for text in operand.texts { if let exact = axis.member(text) { return [exact] } }
      if let (stage, members) = operand.instances {
        let found = members.compactMap { axis.member(Axis.InstanceID(stage: stage, member: $0)) }
        if !found.isEmpty { return found }
      }
    }
    return axis.members.indices.filter { i in
      walk(from: Seat(axis: axis, member: i), names, at: place).map { operand == self.operand($0) } ?? false
    }
  }

  private func nothingHas(
    _ selector: Selector, _ operand: Operand, _ stage: ExpandedStage, _ axis: Int,
    _ names: ArraySlice<String>, at place: Place
  ) throws -> DecodingIssue {
    var values: [String] = []
    for (i, member) in stage.axes[axis].members.enumerated() {
      guard let found = walk(from: Seat(axis: stage.axes[axis], member: i), names, at: place) else {
        continue
      }
      let text = self.operand(found).texts[0]
      let spelling = names.isEmpty ? member.spelling : Spelling.isBare(text) ? text : Spelling.quoted(text)
      if !values.contains(spelling) { values.append(spelling) }
      if values.count > 20 { break }
    }
    if values.isEmpty, !names.isEmpty {
      let end = deadEnd(names, from: stage.axes[axis], at: place)
      return DecodingIssue(place, "axis '\(end.path)' of '\(stage.name)' has no \(end.missing)")
    }
    let shown = values.prefix(20).joined(separator: ", ") + (values.count > 20 ? ", …" : "")
    return DecodingIssue(
      place,
      "no instance of '\(stage.name)' has \(selector.axis.joined(separator: "."))=\(operand.texts[0]); "
        + "it has \(shown)")
  }
}

/// What a term of a selection, or one side of a comparison, is.
struct Operand {
  /// What it is called, the first being for messages: scalar, label, names of an instance.
  var texts: [String]
  var number: Double?
  /// For a reference.
  var instances: (stage: Int, members: Set<Int>)?

  static func == (a: Operand, b: Operand) -> Bool {
    if let x = a.instances, let y = b.instances {
      return x.stage == y.stage && !x.members.isDisjoint(with: y.members)
    }
    if let x = a.number, let y = b.number, x == y { return true }
    return a.texts.contains { b.texts.contains($0) }
  }
}

extension Evaluator {
  func operand(_ term: Term, at place: Place, in point: Point?) throws -> Operand {
    switch term {
    case .bare(let text): Operand(texts: [text], number: Double(written: text))
    case .quoted(let text): Operand(texts: [text], number: nil)
    case .path(let path): operand(try find(path, at: place, in: point))
    }
  }

  func operand(_ found: Found) -> Operand {
    var texts = found.label.map { [$0] } ?? []
    switch found.value {
    case .scalar(let text, let quoted, _):
      texts.append(text)
      return Operand(texts: texts, number: quoted ? nil : Double(written: text))
    case .group(let group, _):
      let stage = stages[group.stage]!
      if group.members.count == 1 { texts.append(stage.names.name(of: group.members[0])) }
      texts.append(stage.name)
      return Operand(texts: texts, instances: (group.stage, Set(group.members)))
    case .null, .list, .map: return Operand(texts: texts + [found.value.spelled])
    }
  }
}
