// Owns one component of a key, as people read it.

import Canonical

/// One component of an action, beside the same of an earlier one.
public struct Component: Sendable, Hashable {
  /// What an action is made of, in the order in which it is told.
  public enum Part: String, Sendable, CaseIterable {
    case kind, parameters, inputs, code, observed, environment, salt, platform, commands, version
  }

  /// One of many things that a component consists of.
  public struct Member: Sendable, Hashable {
    /// `model 'model[seed=0]'`, `Stitching/Fit.swift`.
    public let name: String
    /// The digest of its content, in full; empty where that isn't known yet.
    public let digest: String
    /// Whether it wasn't there before, or was another.
    public let isOther: Bool
  }

  public let part: Part
  /// `learning_rate`, `adversary.steps`, `data`; empty for parts that are one thing.
  public let name: String
  /// Its value as a person would write it; nil where the action has none any more.
  public let text: String?
  /// As the action has it; lists of inputs in full.
  public let value: JSON?
  public let members: [Member]
  /// How it differs from the earlier action's; empty where it doesn't.
  public let changes: [Change]

  init(
    _ part: Part, _ name: String = "", _ text: String?, value: JSON?, members: [Member] = [],
    changes: [Change] = []
  ) {
    self.part = part
    self.name = name
    self.text = text
    self.value = value
    self.members = members
    self.changes = changes
  }
}

extension Change {
  var json: JSON {
    var members: [String: JSON] = ["subject": .string(subject), "what": .string(what)]
    if !origin.isEmpty { members["origin"] = .string(origin) }
    if !roots.isEmpty { members["roots"] = .array(roots.map(\.json)) }
    return .object(members)
  }
}

extension Root {
  var json: JSON {
    ["path": .array(path.map(JSON.string)), "changes": .array(changes.map(\.json))]
  }
}

extension Component {
  var json: JSON {
    var object: [String: JSON] = ["part": .string(part.rawValue), "value": value ?? .null]
    if !name.isEmpty { object["name"] = .string(name) }
    if part == .code {
      object["sources"] = .object(
        Dictionary(members.map { ($0.name, JSON.string($0.digest)) }) { first, _ in first })
    }
    if !changes.isEmpty { object["changes"] = .array(changes.map(\.json)) }
    return .object(object)
  }
}
