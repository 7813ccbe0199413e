// Owns the values of freeing room: what may go, what goes or would, and what is left. Finding it is Finding.swift's, and
// taking it away Freeing.swift's.

import Canonical

/// What may go. Of what the last runs, pins and runs in progress need, only what can be had again without running
/// anything goes, whatever this says.
public struct GarbageWish: Hashable, Sendable {
  /// The bytes that the store may have. What is over goes in the order of `GarbageSort`, as far as is allowed.
  public var bound: Int?
  /// Whether everything goes that nobody has used for so many seconds.
  public var unusedFor: Double?
  /// Whether all results go that nobody needs.
  public var unreachable: Bool
  /// What is younger, in seconds, stays in any case.
  public var grace: Double

  public init(
    bound: Int? = nil, unusedFor: Double? = nil, unreachable: Bool = false, grace: Double = 3600
  ) {
    self.bound = bound
    self.unusedFor = unusedFor
    self.unreachable = unreachable
    self.grace = grace
  }
}

/// Sorts of what can go, those first that are missed least.
public enum GarbageSort: Int, CaseIterable, Comparable, Sendable {
  /// Bytes that no record names: of runs that were killed before they published.
  case leftovers
  /// Decompressed copies in `open/`.
  case copies
  /// What instances printed, as files. Results have it with their records.
  case logs
  /// What other programs' caches put here while the store was served.
  case foreign
  /// States of unfinished work: whoever goes on with it begins at the beginning.
  case states
  /// Bytes of results that the remote has too: they are fetched again when they are wanted.
  case shared
  /// Bytes of results: they are made again when they are wanted. What depends on them stays up to date.
  case results
  /// Records. Without its record an instance runs again.
  case records

  public static func < (a: GarbageSort, b: GarbageSort) -> Bool { a.rawValue < b.rawValue }
}

/// What was freed, or would be.
public struct GarbageReport: Hashable, Sendable {
  /// How many things, and their bytes.
  public struct Amount: Hashable, Sendable {
    public var count = 0
    public var bytes = 0

    public init(count: Int = 0, bytes: Int = 0) { (self.count, self.bytes) = (count, bytes) }
  }

  public var freed: [GarbageSort: Amount] = [:]
  /// The bytes of the store before.
  public var before = 0
  public var bound: Int?
  /// Bytes of results that last runs, pins or runs in progress need.
  public var needed = 0
  /// Bytes of what could go but is younger than the grace period.
  public var young = 0
  /// How many runs are in progress.
  public var runs = 0

  public init() {}

  public var bytes: Int { freed.values.reduce(0) { $0 + $1.bytes } }
  public var after: Int { before - bytes }
  /// By how much the store is over its bound.
  public var excess: Int { bound.map { max(0, after - $0) } ?? 0 }
}

/// One thing that can go.
struct Garbage {
  enum Thing {
    /// A file in `blobs/` that no row of the index speaks of.
    case file(String)
    case copy(Digest)
    case log(String)
    case entry(String)
    case state(Digest)
    /// A blob's bytes. What else is known of it stays if something names it.
    case blob(Digest, isNamed: Bool)
    /// A record, and what is known of blobs that only it and others that go name.
    case record(Digest, blobs: [Digest])
  }

  var thing: Thing
  var sort: GarbageSort
  var bytes: Int
  /// Lower goes earlier among its sort.
  var worth: Double
}
