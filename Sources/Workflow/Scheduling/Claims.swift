// Owns who computes what for whom: instances with one key are looked up and computed once.

import Canonical

/// The keys that are being looked up or computed, each with the instance that leads and those that follow it.
struct Claims {
  private var leaders: [Digest: Int] = [:]
  private var keys: [Int: Digest] = [:]
  private var followers: [Int: [Int]] = [:]

  /// Who leads for a key.
  func leader(of key: Digest) -> Int? { leaders[key] }

  /// `i` leads from now on; nobody else does.
  mutating func lead(_ i: Int, _ key: Digest) {
    precondition(leaders[key] == nil && keys[i] == nil, "BUG: two instances lead for \(key)")
    leaders[key] = i
    keys[i] = key
  }

  mutating func follow(_ i: Int, _ leader: Int) { followers[leader, default: []].append(i) }

  /// `i` leads no more. Returns those that followed it; some may have turned to other things since.
  mutating func end(_ i: Int) -> [Int] {
    if let key = keys.removeValue(forKey: i) { leaders[key] = nil }
    return followers.removeValue(forKey: i) ?? []
  }
}
