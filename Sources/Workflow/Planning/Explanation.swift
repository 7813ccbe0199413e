// Owns all that is to be said of one instance: what its key is made of, and how that differs from what was.

import Canonical
import ContentStore

/// Why an instance is as it is.
public struct Explanation: Sendable {
  /// The result that it is compared with.
  public struct Earlier: Sendable, Hashable {
    /// The instance that had it: itself, what it was called before, or the nearest of its stage.
    public let name: String
    public let key: Digest
    /// When its work began, `2026-11-21T14:03:22Z`.
    public let time: String?

    public init(name: String, key: Digest, time: String?) {
      self.name = name
      self.key = key
      self.time = time
    }
  }

  /// Index into the graph's instances.
  public let instance: Int
  public let name: String
  public let state: Plan.State
  /// Nil while it isn't known.
  public let key: Digest?
  /// Nil where nothing of its stage was ever computed here, as far as the store remembers.
  public let earlier: Earlier?
  /// What its action is made of. What it reads and nobody knows yet has no digest that means anything.
  public let components: [Component]
  /// The facts of its result's record, if it is up to date.
  public let made: JSON?
  /// Where its result was taken over from other code, each time that this was done.
  public let accepted: [Acceptance]
  /// What it waits for, if it is pending.
  public let waits: [Plan.Wait]

  public init(
    instance: Int, name: String, state: Plan.State, key: Digest?, earlier: Earlier?, components: [Component],
    made: JSON? = nil, accepted: [Acceptance] = [], waits: [Plan.Wait] = []
  ) {
    self.instance = instance
    self.name = name
    self.state = state
    self.key = key
    self.earlier = earlier
    self.components = components
    self.made = made
    self.accepted = accepted
    self.waits = waits
  }

  /// How it differs from the earlier one.
  public var changes: [Change] { components.flatMap(\.changes) }

  public var json: JSON {
    var members: [String: JSON] = [
      "name": .string(name), "state": .string(state.name), "key": key.map { .string($0.hex) } ?? .null,
      "reason": state.reason.map(JSON.string) ?? .null,
      "components": .array(components.map(\.json)), "changes": .array(changes.map(\.json)),
    ]
    if let earlier {
      members["earlier"] = [
        "name": .string(earlier.name), "key": .string(earlier.key.hex),
        "time": earlier.time.map(JSON.string) ?? .null,
      ]
    }
    if let made { members["made"] = made }
    if !accepted.isEmpty { members["accepted"] = .array(accepted.map(\.json)) }
    if !waits.isEmpty { members["waitsFor"] = .array(waits.map(\.json)) }
    return .object(members)
  }
}

extension Plan {
  /// Something that an instance waits for, and the way there.
  public struct Wait: Sendable, Hashable {
    /// The names of the instances on the way, the nearest first; the last is the one that has to run first.
    public let path: [String]
    /// How that stands.
    public let state: State

    public init(path: [String], state: State) {
      self.path = path
      self.state = state
    }

    var json: JSON {
      [
        "path": .array(path.map(JSON.string)), "state": .string(state.name),
        "reason": state.reason.map(JSON.string) ?? .null,
      ]
    }
  }

  /// Everything that instance `i` waits for and that waits for nothing itself, each by the shortest way.
  static func waits(of i: Int, _ graph: Graph, _ states: [State?]) -> [Wait] {
    guard case .pending = states[i] else { return [] }
    var from: [Int: Int] = [:]
    var queue = [i]
    var next = 0
    var found: [Wait] = []
    while next < queue.count {
      let place = queue[next]
      next += 1
      for d in graph.dependencies[place] where from[d] == nil {
        guard let state = states[d], state != .upToDate else { continue }
        from[d] = place
        if case .pending = state {
          queue.append(d)
          continue
        }
        var path = [graph.instances[d].name]
        var step = place
        while step != i {
          path.insert(graph.instances[step].name, at: 0)
          step = from[step]!
        }
        found.append(Wait(path: path, state: state))
      }
    }
    return found
  }
}
