// Owns the keys of states: an action's prefixes, made of the action itself, so that whatever decides its result decides
// whether a state serves.

import Canonical
import ContentStore

/// The prefixes of one action, by their points.
struct Prefixes: Sendable {
  private let members: [String: JSON]
  private let platform: Platform
  private let prefixes: [ActionPrefix]
  /// The keys of `prefixes`, which ascend by their points.
  let keys: [Digest]

  /// - Parameter platform: what computes. Unlike results, states are never another platform's, since one whose bits
  ///   come from two would be nobody's.
  init(of action: Action, _ prefixes: [ActionPrefix], platform: Platform) {
    let prefixes = prefixes.sorted { $0.point < $1.point }
    let members = action.json.objectValue ?? [:]
    self.members = members
    self.platform = platform
    self.prefixes = prefixes
    keys = prefixes.map { Digest.of(Prefixes.action(members, $0, platform).canonical.utf8) }
  }

  var points: [Int] { prefixes.map(\.point) }

  func key(upTo point: Int) -> Digest? { index(of: point).map { keys[$0] } }

  /// What a state up to this point says that it is the state of.
  func action(upTo point: Int) -> JSON? {
    index(of: point).map { Prefixes.action(members, prefixes[$0], platform) }
  }

  /// The keys of all states before this point.
  func keys(before point: Int) -> [Digest] {
    zip(prefixes, keys).filter { $0.0.point < point }.map(\.1)
  }

  /// Of the states that are there when the work is done, those that nothing can use any more: all but the last, and
  /// that too unless longer work than this begins with it.
  var keysUselessWhenDone: [Digest] {
    guard let last = prefixes.last else { return [] }
    return last.leavingOut.isEmpty ? keys : keys.dropLast()
  }

  private func index(of point: Int) -> Int? { prefixes.firstIndex { $0.point == point } }

  private static func action(_ members: [String: JSON], _ prefix: ActionPrefix, _ platform: Platform) -> JSON
  {
    var members = members
    let parameters = (members["parameters"]?.objectValue ?? [:]).filter {
      !prefix.leavingOut.contains($0.key)
    }
    members["parameters"] = .object(parameters)
    members["prefix"] = ["instead": prefix.instead, "point": .integer(prefix.point)]
    members["platform"] = platform.facts
    return .object(members)
  }
}
