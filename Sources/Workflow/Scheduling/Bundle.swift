// Owns what goes out as one job: instances whose inputs are opened together, and that start together.

import Canonical

/// Instances for one job.
struct Bundle {
  let id: Int
  /// In the order of their turns.
  var members: [Int]
  let turn: Int
  let resources: Resources
  /// Of each member that is ready: the files of what it reads, the files outside as they are, and in which epoch of the
  /// member's that is. In another it is not this bundle's any more, though it may be ready in another one.
  var opened: [Int: (files: [Digest: String], sight: Sight, continuation: Continuation, epoch: UInt32)] = [:]

  /// Takes out the first of `parts` equal parts.
  mutating func split(into parts: Int) -> Bundle {
    var first = self
    let count = (members.count + parts - 1) / max(1, parts)
    first.members = Array(members.prefix(count))
    members.removeFirst(count)
    return first
  }
}
