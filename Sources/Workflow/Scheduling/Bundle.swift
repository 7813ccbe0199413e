// Owns what goes out as one job: instances whose inputs are opened together, and that start together.

import Canonical

/// Instances for one job.
struct Bundle {
  let id: Int
  /// In the order of their turns.
  var members: [Int]
  let turn: Int
  let resources: Resources
  /// Of each member that is ready: the files of what it reads, and the files outside as they are.
  var opened: [Int: (files: [Digest: String], sight: Sight)] = [:]

  /// Takes out the first of `parts` equal parts.
  mutating func split(into parts: Int) -> Bundle {
    var first = self
    let count = (members.count + parts - 1) / max(1, parts)
    first.members = Array(members.prefix(count))
    members.removeFirst(count)
    return first
  }
}
