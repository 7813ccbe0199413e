// Owns the walk over an action beside an earlier one: what each component is, and what a person would say of its
// difference. Both the text of a key and the reasons of staleness come from it.

import Canonical
import ContentStore

/// Compares an instance's action with an earlier one.
package struct ActionDifference {
  /// Where the content of a member of an input was other than it is.
  package struct Trace {
    /// Which of the contents that were asked for it was.
    let before: Int
    let roots: [Root]

    package init(before: Int, roots: [Root]) {
      self.before = before
      self.roots = roots
    }
  }

  private let origins: [String: [String]]
  private let code: (Digest) -> CodeManifest?
  private let list: (Digest) -> JSON?
  private let trace: (_ input: String, _ n: Int, _ before: [Digest]) -> Trace?
  private let holder: (_ input: String, _ content: Digest) -> String?
  private let unknown: Digest?

  /// So many members of a list are traced; what else changed in it has the same causes, mostly.
  private static let mostTraced = 16

  /// - Parameters:
  ///   - origins: how the current members of an input are called, `dataset 'images'`, by the input's name.
  ///   - code: reads a code manifest by digest; nil when it can't be had.
  ///   - list: reads a long list of inputs by digest; nil when it can't be had.
  ///   - trace: which of these contents member `n` of an input had before, and why it has another; nil when it had none
  ///     of them.
  ///   - holder: which instance has, or had, this content; nil when that isn't known.
  ///   - unknown: what stands for content that isn't known yet.
  package init(
    origins: [String: [String]], code: @escaping (Digest) -> CodeManifest?,
    list: @escaping (Digest) -> JSON? = { _ in nil },
    trace: @escaping (_ input: String, _ n: Int, _ before: [Digest]) -> Trace? = { _, _, _ in nil },
    holder: @escaping (_ input: String, _ content: Digest) -> String? = { _, _ in nil },
    unknown: Digest? = nil
  ) {
    self.origins = origins
    self.code = code
    self.list = list
    self.trace = trace
    self.holder = holder
    self.unknown = unknown
  }

  /// What differs, most telling first. Empty only for equal actions.
  package func changes(from old: JSON, to new: JSON) -> [Change] {
    let changes = walk(old, new, whole: false).flatMap(\.changes)
    if !changes.isEmpty || old == new || unknown != nil { return changes }
    return [
      old["observed"] == new["observed"]
        ? Change("action", "has another layout") : Change("what it opens undeclared", "isn't the same")
    ]
  }

  /// All components of an action, in the order of `Component.Part`.
  /// - Parameter old: what to compare it with; nil: nothing.
  package func components(from old: JSON?, to new: JSON) -> [Component] { walk(old ?? new, new, whole: true) }

  /// Members of both actions, by name.
  private typealias Both = (names: [String], before: [String: JSON], after: [String: JSON])

  /// The components of both.
  /// - Parameter whole: whether those that are the same are wanted too.
  private func walk(_ old: JSON, _ new: JSON, whole: Bool) -> [Component] {
    var components: [Component] = []
    func members(_ name: String) -> Both {
      let (before, after) = (old[name]?.objectValue ?? [:], new[name]?.objectValue ?? [:])
      let names = Set(before.keys).union(after.keys).filter { whole || before[$0] != after[$0] }
      return (names.sorted(), before, after)
    }
    func add(_ part: Component.Part, _ member: String, _ subject: String) {
      let (before, after) = (old[member], new[member])
      if before == nil && after == nil || before == after && !whole { return }
      components.append(
        Component(
          part, "", after.map { spelled($0, absent: "none") }, value: after,
          changes: before == after ? [] : [value(subject, before, after)]))
    }
    add(.kind, "kind", "kind")
    let parameters = members("parameters")
    for name in parameters.names {
      compare(.parameters, name, name, parameters.before[name], parameters.after[name], whole, &components)
    }
    components += inputs(members("inputs"))
    if old["code"] != nil || new["code"] != nil, whole || old["code"] != new["code"] {
      components.append(sources(old["code"], new["code"]))
    }
    let observed = ActionDifference.observed(old["observed"], new["observed"])
    if let seen = new["observed"], whole || !observed.isEmpty {
      let names = ["files", "packages"].flatMap { (seen[$0]?.objectValue ?? [:]).keys.sorted() }
      components.append(
        Component(.observed, "", names.joined(separator: ", "), value: seen, changes: observed))
    }
    components += variables(members("environment"))
    add(.salt, "salt", "salt")
    let platform = members("platform")
    for name in platform.names {
      compare(
        .platform, name, "platform." + name, platform.before[name], platform.after[name], whole, &components)
    }
    add(.commands, "commands", "semantics of commands")
    add(.version, "version", "format version")
    return components
  }

  // Parameters and the platform.

  /// Descends into maps that both have; anything else is a value.
  private func compare(
    _ part: Component.Part, _ path: String, _ subject: String, _ old: JSON?, _ new: JSON?, _ whole: Bool,
    _ components: inout [Component]
  ) {
    if old == new, !whole { return }
    guard let before = old?.objectValue, let after = new?.objectValue, !after.isEmpty || !before.isEmpty
    else {
      components.append(
        Component(
          part, path, new.map { spelled($0, absent: "none") }, value: new,
          changes: old == new ? [] : [value(subject, old, new)]))
      return
    }
    for name in Set(before.keys).union(after.keys).sorted() {
      compare(part, path + "." + name, subject + "." + name, before[name], after[name], whole, &components)
    }
  }

  // Inputs.

  private func inputs(_ both: Both) -> [Component] {
    let (names, old, new) = both
    return names.map { name in
      let subject = "input \(name):"
      guard let after = new[name] else {
        return Component(.inputs, name, nil, value: nil, changes: [Change(subject, "removed")])
      }
      let now = listed(after)
      let was = old[name].map { Set(listed($0) ?? [$0]) }
      let members = (now ?? [after]).enumerated().map { n, member in
        let content = content(member)
        let isKnown = unknown == nil || content != unknown
        return Component.Member(
          name: origin(name, n), digest: isKnown ? content?.hex ?? "" : "",
          isOther: isKnown && was.map { !$0.contains(member) } ?? false)
      }
      let isUnknown = unknown != nil && (now ?? [after]).contains { content($0) == unknown }
      let text: String =
        if now == nil, after["list"] != nil {
          "\(after["members"]?.intValue ?? 0) members"
        } else if let now { now.count == 1 ? "1 member" : "\(now.count) members" } else { members[0].name }
      let changes: [Change] =
        if isUnknown {
          []
        } else if let before = old[name] {
          before == after ? [] : differences(name, before, after)
        } else { [Change(subject, "added", origin: origin(name, 0))] }
      return Component(
        .inputs, name, isUnknown && now == nil ? text + ", not known yet" : text,
        value: now.map(JSON.array) ?? after, members: members, changes: changes)
    }
  }

  private func differences(_ name: String, _ before: JSON, _ after: JSON) -> [Change] {
    let subject = "input \(name):"
    if let a = listed(before), let b = listed(after) { return members(name, a, b) }
    guard let was = content(before), let now = content(after) else {
      return [Change(subject, "content changed", origin: origin(name, 0))]
    }
    if was == now, before["labels"] != after["labels"] || before["stage"] != after["stage"] {
      return [Change(subject, "labels changed", origin: origin(name, 0))]
    }
    if let found = trace(name, 0, [was]) {
      return [Change(subject, "content changed", origin: origin(name, 0), roots: found.roots)]
    }
    if let former = holder(name, was), let present = instance(name, 0), former != present {
      return [Change(subject, "\(former) → \(present)")]
    }
    return [Change(subject, "content changed", origin: origin(name, 0))]
  }

  /// The members of a list, written out or by its digest.
  private func listed(_ input: JSON) -> [JSON]? {
    if let members = input.arrayValue { return members }
    return input["list"]?.stringValue.flatMap { Digest(hex: $0) }.flatMap(list)?.arrayValue
  }

  /// The digest of what an input, or a member of one, reads.
  private func content(_ member: JSON) -> Digest? {
    Artifact(json: member["artifact"] ?? member)?.digest
  }

  /// A list: labelled members are compared by label, others as a bag of contents.
  private func members(_ name: String, _ old: [JSON], _ new: [JSON]) -> [Change] {
    let isLabelled = (old + new).allSatisfy { ActionDifference.label($0) != nil }
    let changes = isLabelled ? labelled(name, old, new) : unlabelled(name, old, new)
    return changes.isEmpty ? [Change("input \(name):", "order changed")] : changes
  }

  private func labelled(_ name: String, _ old: [JSON], _ new: [JSON]) -> [Change] {
    let subject = "input \(name):"
    var changes: [Change] = []
    let before = Dictionary(old.map { (ActionDifference.label($0)!, $0) }) { first, _ in first }
    let after = Dictionary(new.map { (ActionDifference.label($0)!, $0) }) { first, _ in first }
    var added: [String] = []
    var changed: [String] = []
    var roots: [Root] = []
    for (n, member) in new.enumerated() {
      let label = ActionDifference.label(member)!
      guard let was = before[label] else {
        added.append(label)
        continue
      }
      if was == member { continue }
      changed.append(label)
      if changed.count <= ActionDifference.mostTraced, let content = content(was) {
        roots += trace(name, n, [content])?.roots ?? []
      }
    }
    var removed = old.map { ActionDifference.label($0)! }.filter { after[$0] == nil }
    // What has the same content has another name.
    var renamed: [(from: String, to: String)] = []
    var left = Dictionary(grouping: removed) { content(before[$0]!) }
    for label in added {
      guard let digest = content(after[label]!), let former = left[digest]?.first else { continue }
      left[digest]?.removeFirst()
      renamed.append((former, label))
    }
    added.removeAll { label in renamed.contains { $0.to == label } }
    removed.removeAll { label in renamed.contains { $0.from == label } }
    if !added.isEmpty { changes.append(Change(subject, "added \(enumerated(added))")) }
    if !removed.isEmpty { changes.append(Change(subject, "removed \(enumerated(removed))")) }
    if !renamed.isEmpty {
      changes.append(Change(subject, "names changed, " + enumerated(renamed.map { "\($0.from) → \($0.to)" })))
    }
    if !changed.isEmpty {
      changes.append(
        Change(subject, "content of \(enumerated(changed)) changed", roots: common(roots, changed.count)))
    }
    return changes
  }

  private func unlabelled(_ name: String, _ old: [JSON], _ new: [JSON]) -> [Change] {
    let subject = "input \(name):"
    var left: [JSON: Int] = [:]
    for member in old { left[member, default: 0] += 1 }
    var fresh: [Int] = []
    for (n, member) in new.enumerated() {
      if let count = left[member], count > 0 { left[member] = count - 1 } else { fresh.append(n) }
    }
    // In their order, each as often as it isn't there any more.
    var gone: [Digest] = []
    for member in old {
      guard let count = left[member], count > 0, let content = content(member) else { continue }
      left[member] = count - 1
      gone.append(content)
    }
    var changed: [Int] = []
    var unexplained: [Int] = []
    var roots: [Root] = []
    for (count, n) in fresh.enumerated() {
      if count < ActionDifference.mostTraced, let found = trace(name, n, gone) {
        gone.remove(at: found.before)
        changed.append(n)
        roots += found.roots
      } else {
        unexplained.append(n)
      }
    }
    let removed = gone.prefix(ActionDifference.mostTraced).compactMap { holder(name, $0) }
    // As many as before of which nobody knows better.
    if unexplained.count == gone.count, removed.isEmpty {
      changed = (changed + unexplained).sorted()
      (unexplained, gone) = ([], [])
    }
    let names = { (members: [Int]) in enumerated(members.map { origin(name, $0) }) }
    var changes: [Change] = []
    if !unexplained.isEmpty { changes.append(Change(subject, "added \(names(unexplained))")) }
    if !gone.isEmpty {
      let count = "\(gone.count) member\(gone.count == 1 ? "" : "s")"
      changes.append(
        Change(subject, "removed " + (removed.count == gone.count ? enumerated(removed) : count)))
    }
    if !changed.isEmpty {
      changes.append(
        Change(subject, "content of \(names(changed)) changed", roots: common(roots, changed.count)))
    }
    return changes
  }

  /// The causes of several members' changes, those alike once.
  private func common(_ roots: [Root], _ members: Int) -> [Root] {
    var seen = Set<[String]>()
    // Of several members, the way begins behind their stage.
    return roots.filter { seen.insert($0.cause).inserted }
      .map { members == 1 ? Root(path: Array($0.path.dropFirst()), changes: $0.changes) : $0 }
  }

  private static func label(_ member: JSON) -> String? {
    guard let labels = member["labels"]?.arrayValue, let stage = member["stage"]?.stringValue else {
      return nil
    }
    let axes = labels.compactMap { pair -> String? in
      guard let pair = pair.arrayValue, pair.count == 2 else { return nil }
      return "\(pair[0].stringValue ?? "")=\(pair[1].stringValue ?? "")"
    }
    return axes.isEmpty ? stage : "\(stage)[\(axes.joined(separator: ","))]"
  }

  private func origin(_ input: String, _ n: Int) -> String {
    guard let names = origins[input], n < names.count else { return "" }
    return names[n]
  }

  /// The name in an origin such as `dataset 'images'`; nil for files.
  private func instance(_ input: String, _ n: Int) -> String? {
    let origin = origin(input, n)
    guard let quote = origin.firstIndex(of: "'"), origin.hasSuffix("'") else { return nil }
    return String(origin[quote...].dropFirst().dropLast())
  }

  // Code.

  private func sources(_ old: JSON?, _ new: JSON?) -> Component {
    func manifest(_ json: JSON?) -> CodeManifest? {
      (json?.stringValue).flatMap { Digest(hex: $0) }.flatMap(code)
    }
    let after = manifest(new)?.files
    let before = old == new ? after : manifest(old)?.files
    let members = (after ?? [:]).sorted { $0.key < $1.key }.map { name, digest in
      Component.Member(name: name, digest: digest.hex, isOther: before.map { $0[name] != digest } ?? false)
    }
    let text = after.map { $0.count == 1 ? "1 source" : "\($0.count) sources" } ?? "sources that aren't kept"
    let changes: [Change] =
      if old == new { [] } else if let before, let after { changes(from: before, to: after) } else {
        [Change("code", "changed")]
      }
    return Component(.code, "", text, value: new, members: members, changes: changes)
  }

  private func changes(from before: [String: Digest], to after: [String: Digest]) -> [Change] {
    let names = Set(before.keys).union(after.keys).sorted().filter { before[$0] != after[$0] }
    let isVersioned = { (name: String) in name.hasPrefix("package ") || name.hasPrefix("environment ") }
    let files = names.filter { !isVersioned($0) }
    // Of a module, or a folder, of which much changed.
    let folders = Dictionary(grouping: files.filter { $0.contains("/") }) { String($0.prefix { $0 != "/" }) }
      .filter { $0.value.count > 3 }
    var told = Set<String>()
    return versions(
      names.filter { isVersioned($0) && before[$0] != nil },
      names.filter { isVersioned($0) && after[$0] != nil })
      + files.compactMap { name in
        let folder = String(name.prefix { $0 != "/" })
        if let files = folders[folder], name.contains("/") {
          guard told.insert(folder).inserted else { return nil }
          return Change("\(files.count) sources of \(folder)", "changed: " + enumerated(files))
        }
        let what = before[name] == nil ? "added" : after[name] == nil ? "removed" : "changed"
        if name == "build: configuration" { return configuration(before[name], after[name]) }
        let isFile =
          !["program ", "build: ", "parameter "].contains(where: name.hasPrefix) && name != "environments"
        return Change(isFile ? "source \(name)" : name, what)
      }
  }

  /// How the program was built, which stands in manifests by the digest of its name.
  private func configuration(_ before: Digest?, _ after: Digest?) -> Change {
    func name(_ digest: Digest?) -> String {
      ["debug", "release", "unchecked"].first { Digest.of($0.utf8) == digest } ?? "another"
    }
    return Change("build: configuration", "\(name(before)) → \(name(after))")
  }

  /// Names that end in what they are of: `package numpy 1.26.4`, `environment version 3.11.2`.
  private func versions(_ old: [String], _ new: [String]) -> [Change] {
    func split(_ names: [String]) -> [String: String] {
      let pairs = names.map { name in
        let words = name.split(separator: " ", maxSplits: 2, omittingEmptySubsequences: false)
        return (words.prefix(2).joined(separator: " "), words.dropFirst(2).joined(separator: " "))
      }
      return Dictionary(pairs) { "\($0), \($1)" }
    }
    let (before, after) = (split(old), split(new))
    return Set(before.keys).union(after.keys).sorted().map { name in
      switch (before[name], after[name]) {
      case (let old?, let new?): Change(name, "\(old) → \(new)")
      case (nil, let new?): Change("\(name) \(new)", "added")
      case (let old, nil): Change("\(name) \(old ?? "")", "removed")
      }
    }
  }

  // The environment.

  private func variables(_ both: Both) -> [Component] {
    let (names, before, after) = both
    func isSecret(_ variable: JSON?) -> Bool { variable?["secret"] != nil }
    func isSet(_ variable: JSON?) -> Bool { variable != nil && variable != .null }
    func change(_ name: String) -> Change {
      let subject = "environment \(name)"
      return switch (isSecret(before[name]), isSecret(after[name])) {
      case (false, false) where !isSet(before[name]) && !isSet(after[name]):
        Change(subject, after[name] == nil ? "is declared no more" : "is declared now, and not set")
      case (false, false): value(subject, before[name], after[name], absent: "not set")
      case (true, true): Change(subject, "is another secret")
      case (true, false):
        Change(subject, isSet(after[name]) ? "is no secret any more" : "a secret → not set")
      case (false, true): Change(subject, isSet(before[name]) ? "is secret now" : "not set → a secret")
      }
    }
    return names.map { name in
      Component(
        .environment, name,
        after[name].map { isSecret($0) ? "a secret" : spelled($0, absent: "not set") }, value: after[name],
        changes: before[name] == after[name] ? [] : [change(name)])
    }
  }

  private func value(_ subject: String, _ old: JSON?, _ new: JSON?, absent: String = "none") -> Change {
    let (before, after) = aroundDifference(
      spelled(old ?? .null, absent: absent), spelled(new ?? .null, absent: absent))
    // One that a kind has since, and that isn't written.
    if before == after {
      return Change(subject, old == nil ? "is new, and \(after)" : "is no more, and was \(before)")
    }
    return Change(subject, "\(before) → \(after)")
  }
}

/// `a, b, c and 14 more`: as many as are read at a glance.
private func enumerated(_ names: [String]) -> String {
  var shown = names.prefix(names.count <= 4 ? 4 : 3)
  while shown.count > 1, shown.reduce(0, { $0 + $1.count }) > 100 { shown.removeLast() }
  let more = names.count - shown.count
  return shown.joined(separator: ", ") + (more > 0 ? " and \(more) more" : "")
}

/// A value as a person would write it in a pipeline file.
private func spelled(_ value: JSON, absent: String) -> String {
  switch value {
  case .null: return absent
  case .string(let text):
    let isPlain =
      !text.isEmpty && !text.contains(where: { $0.isNewline }) && text.first != " " && text.last != " "
    return isPlain ? text : JSON.string(text).canonical
  case .array(let values):
    return "[" + values.map { spelled($0, absent: absent) }.joined(separator: ", ") + "]"
  case .object([:]): return "{}"
  case .object(let members):
    let sorted = members.sorted { $0.key < $1.key }
    return "{ " + sorted.map { "\($0.key): \(spelled($0.value, absent: absent))" }.joined(separator: ", ")
      + " }"
  case .number(let number) where number == number.rounded() && abs(number) < 1e15: return String(Int(number))
  case .bool, .integer, .number: return value.canonical
  }
}

/// Two texts, where long cut down to what surrounds their first difference.
private func aroundDifference(_ a: String, _ b: String) -> (String, String) {
  let limit = 48
  guard a.count > limit || b.count > limit else { return (a, b) }
  let common = zip(a, b).prefix { $0 == $1 }.count
  let skipped = max(0, common - 12)
  func cut(_ text: String) -> String {
    guard text.count > limit else { return text }
    let rest = text.dropFirst(skipped)
    return (skipped > 0 ? "…" : "") + rest.prefix(limit - 2) + (rest.count > limit - 2 ? "…" : "")
  }
  return (cut(a), cut(b))
}
