// Owns the comparison of two actions: one walk over their trees that says what a person would say of the difference.

import Canonical
import ContentStore

/// Compares an instance's action with an earlier one.
package struct Difference {
  private let origins: [String: [String]]
  private let code: (Digest) -> CodeManifest?
  private let list: (Digest) -> JSON?

  /// - Parameters:
  ///   - origins: how the current members of an input are called, `dataset 'images'`, by the input's name.
  ///   - code: reads a code manifest by digest; nil when it can't be had.
  ///   - list: reads a long list of inputs by digest; nil when it can't be had.
  package init(
    origins: [String: [String]], code: @escaping (Digest) -> CodeManifest?,
    list: @escaping (Digest) -> JSON? = { _ in nil }
  ) {
    self.origins = origins
    self.code = code
    self.list = list
  }

  /// What differs, most telling first. Empty only for equal actions.
  package func changes(from old: JSON, to new: JSON) -> [Change] {
    var changes: [Change] = []
    if old["kind"] != new["kind"] {
      changes.append(value("kind", old["kind"], new["kind"]))
    }
    compare("", old["parameters"] ?? .null, new["parameters"] ?? .null, &changes)
    changes += inputs(old["inputs"]?.objectValue ?? [:], new["inputs"]?.objectValue ?? [:])
    if old["code"] != new["code"] { changes += sources(old["code"], new["code"]) }
    let before = old["environment"]?.objectValue ?? [:]
    let after = new["environment"]?.objectValue ?? [:]
    for name in Set(before.keys).union(after.keys).sorted() where before[name] != after[name] {
      let subject = "environment \(name)"
      switch (isSecret(before[name]), isSecret(after[name])) {
      case (false, false):
        changes.append(value(subject, before[name], after[name], absent: "not set"))
      case (true, true): changes.append(Change(subject, "is another secret"))
      case (true, false):
        changes.append(Change(subject, isSet(after[name]) ? "is no secret any more" : "a secret → not set"))
      case (false, true):
        changes.append(Change(subject, isSet(before[name]) ? "is secret now" : "not set → a secret"))
      }
    }
    if old["salt"] != new["salt"] { changes.append(value("salt", old["salt"], new["salt"])) }
    if old["platform"] != new["platform"] {
      compare("platform", old["platform"] ?? .object([:]), new["platform"] ?? .object([:]), &changes)
    }
    if old["commands"] != new["commands"] {
      changes.append(value("semantics of commands", old["commands"], new["commands"]))
    }
    if old["version"] != new["version"] {
      changes.append(value("format version", old["version"], new["version"]))
    }
    if changes.isEmpty, old != new { changes.append(Change("action", "has another layout")) }
    return changes
  }

  private func isSecret(_ variable: JSON?) -> Bool { variable?["secret"] != nil }
  private func isSet(_ variable: JSON?) -> Bool { variable != nil && variable != .null }

  /// Parameters: descends into maps that both have; anything else is a value.
  private func compare(_ path: String, _ old: JSON, _ new: JSON, _ changes: inout [Change]) {
    guard old != new else { return }
    guard let before = old.objectValue, let after = new.objectValue else {
      changes.append(value(path.isEmpty ? "parameters" : path, old, new))
      return
    }
    for name in Set(before.keys).union(after.keys).sorted() where before[name] != after[name] {
      let inner = path.isEmpty ? name : path + "." + name
      compare(inner, before[name] ?? .null, after[name] ?? .null, &changes)
    }
  }

  private func inputs(_ old: [String: JSON], _ new: [String: JSON]) -> [Change] {
    var changes: [Change] = []
    for name in Set(old.keys).union(new.keys).sorted() where old[name] != new[name] {
      let subject = "input \(name):"
      switch (old[name], new[name]) {
      case (nil, _): changes.append(Change(subject, "added", origin: origin(name, 0)))
      case (_, nil): changes.append(Change(subject, "removed"))
      case (let before?, let after?):
        if let a = listed(before), let b = listed(after) {
          changes += members(name, a, b)
        } else if before["artifact"] != nil, before["artifact"] == after["artifact"] {
          changes.append(Change(subject, "labels changed", origin: origin(name, 0)))
        } else {
          changes.append(Change(subject, "content changed", origin: origin(name, 0)))
        }
      }
    }
    return changes
  }

  /// The members of a list, written out or by its digest.
  private func listed(_ input: JSON) -> [JSON]? {
    if let members = input.arrayValue { return members }
    return input["list"]?.stringValue.flatMap { Digest(hex: $0) }.flatMap(list)?.arrayValue
  }

  /// A list: labelled members are compared by label, others as a bag of contents.
  private func members(_ name: String, _ old: [JSON], _ new: [JSON]) -> [Change] {
    let subject = "input \(name):"
    var changes: [Change] = []
    func label(_ member: JSON) -> String? {
      guard let labels = member["labels"]?.arrayValue, let stage = member["stage"]?.stringValue else {
        return nil
      }
      let axes = labels.compactMap { pair -> String? in
        guard let pair = pair.arrayValue, pair.count == 2 else { return nil }
        return "\(pair[0].stringValue ?? "")=\(pair[1].stringValue ?? "")"
      }
      return axes.isEmpty ? stage : "\(stage)[\(axes.joined(separator: ","))]"
    }
    if (old + new).allSatisfy({ label($0) != nil }) {
      let before = Dictionary(old.map { (label($0)!, $0) }) { first, _ in first }
      let after = Dictionary(new.map { (label($0)!, $0) }) { first, _ in first }
      let added = new.map { label($0)! }.filter { before[$0] == nil }
      let removed = old.map { label($0)! }.filter { after[$0] == nil }
      let changed = new.map { label($0)! }.filter { before[$0] != nil && before[$0] != after[$0] }
      if !added.isEmpty { changes.append(Change(subject, "added \(listed(added))")) }
      if !removed.isEmpty { changes.append(Change(subject, "removed \(listed(removed))")) }
      if !changed.isEmpty { changes.append(Change(subject, "content of \(listed(changed)) changed")) }
    } else {
      var left: [JSON: Int] = [:]
      for member in old { left[member, default: 0] += 1 }
      var fresh: [String] = []
      for (n, member) in new.enumerated() {
        if let count = left[member], count > 0 {
          left[member] = count - 1
        } else {
          fresh.append(origins[name].flatMap { n < $0.count ? $0[n] : nil } ?? "member \(n + 1)")
        }
      }
      let gone = left.values.reduce(0, +)
      if !fresh.isEmpty, fresh.count == gone {
        changes.append(Change(subject, "content of \(listed(fresh)) changed"))
      } else {
        if !fresh.isEmpty { changes.append(Change(subject, "added \(listed(fresh))")) }
        if gone > 0 { changes.append(Change(subject, "removed \(gone) member\(gone == 1 ? "" : "s")")) }
      }
    }
    return changes.isEmpty ? [Change(subject, "order changed")] : changes
  }

  private func sources(_ old: JSON?, _ new: JSON?) -> [Change] {
    func manifest(_ json: JSON?) -> CodeManifest? {
      (json?.stringValue).flatMap { Digest(hex: $0) }.flatMap(code)
    }
    guard let before = manifest(old)?.files, let after = manifest(new)?.files else {
      return [Change("code", "changed")]
    }
    let names = Set(before.keys).union(after.keys).sorted().filter { before[$0] != after[$0] }
    let isVersioned = { (name: String) in name.hasPrefix("package ") || name.hasPrefix("environment ") }
    return versions(
      names.filter { isVersioned($0) && before[$0] != nil },
      names.filter { isVersioned($0) && after[$0] != nil })
      + names.filter { !isVersioned($0) }.map { name in
        let what = before[name] == nil ? "added" : after[name] == nil ? "removed" : "changed"
        return Change(name.hasPrefix("program ") ? name : "source \(name)", what)
      }
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

  private func origin(_ input: String, _ n: Int) -> String {
    guard let names = origins[input], n < names.count else { return "" }
    return names[n]
  }

  /// `a, b, c and 14 more`.
  private func listed(_ names: [String]) -> String {
    let shown = names.prefix(names.count <= 4 ? 4 : 3).joined(separator: ", ")
    return names.count <= 4 ? shown : "\(shown) and \(names.count - 3) more"
  }

  private func value(_ subject: String, _ old: JSON?, _ new: JSON?, absent: String = "none") -> Change {
    let (before, after) = aroundDifference(
      spelled(old ?? .null, absent: absent), spelled(new ?? .null, absent: absent))
    return Change(subject, "\(before) → \(after)")
  }
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
