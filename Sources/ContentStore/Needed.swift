// Owns what must not be freed: what the last runs of every pipeline file came to, what is pinned, and what runs in
// progress use.

import Canonical
import Foundation
import GRDB

/// What must not be freed, and for whose sake. It only grows: what was needed when somebody began to free things stays.
final class Needed {
  private let store: Store
  private let references: References
  /// Up to where the marks of each run in progress are known.
  private var known: [RunID: Int] = [:]
  /// Keys in use without a record.
  private var unrecorded: Set<Digest> = []
  /// When the last results were looked up: by what was said of runs then.
  private var epoch: [Int] = []

  /// Keys, blobs and states that runs in progress use, those that they are about to write included.
  private(set) var usedKeys: Set<Digest> = []
  private(set) var usedBlobs: Set<Digest> = []
  private(set) var usedStates: Set<Digest> = []
  /// Keys and blobs of the last runs, of pins and of runs in progress.
  private(set) var keys: Set<Digest> = []
  private(set) var blobs: Set<Digest> = []
  /// How many runs are in progress.
  private(set) var runs = 0

  init(_ store: Store, _ references: References) throws {
    self.store = store
    self.references = references
    // Marks are whole while nobody may make any.
    let lock = store.isReadOnly ? nil : try FreeLock(store.layout, LOCK_EX)
    try withExtendedLifetime(lock) { try lookAtUses() }
    try lookAtLastResults()
  }

  /// Learns what is needed by now. To be called while `free.lock` is held alone.
  func refresh() throws {
    // Uses first: what a run that ends in between came to is a last result by then.
    try lookAtUses()
    try lookAtLastResults()
  }

  private func lookAtUses() throws {
    let alive = store.runsInProgress()
    runs = alive.count
    var new = Set<Digest>()
    for run in alive {
      let (uses, end) = try store.uses(of: run, from: known[run] ?? 0)
      known[run] = end
      for use in uses {
        switch use {
        case .record(let key): new.insert(key)
        case .blob(let digest): usedBlobs.insert(digest)
        case .state(let key): usedStates.insert(key)
        }
      }
    }
    usedKeys.formUnion(new)
    // What has no record yet may have one the next time.
    new.formUnion(unrecorded)
    let found = try references.named(by: new)
    unrecorded = new.filter { found[$0] == nil }
    for record in found.values { usedBlobs.formUnion(record.blobs) }
    keys.formUnion(usedKeys)
    blobs.formUnion(usedBlobs)
  }

  /// Last results change with what runs say, and those in progress have marked what they say: only one that ended or was
  /// killed gives reason to look again.
  private func lookAtLastResults() throws {
    let alive = known.keys.map(\.number).sorted()
    let (found, now) = try store.reading { db -> (Set<Digest>?, [Int]) in
      let row = try Row.fetchOne(db, sql: "SELECT coalesce(max(id), 0), count(end) FROM runs")!
      let now = [row[0] as Int, row[1] as Int, runs] + alive
      if now == epoch { return (nil, now) }
      return (Set(try Store.lastResults(db).map(\.key)).union(try Store.pinnedKeys(db)), now)
    }
    epoch = now
    guard let new = found?.subtracting(keys), !new.isEmpty else { return }
    keys.formUnion(new)
    blobs.formUnion(try references.blobs(of: new))
  }

  /// Whether a thing may go.
  func spares(_ thing: Garbage.Thing) -> Bool {
    switch thing {
    case .file: runs == 0
    case .copy(let digest): !usedBlobs.contains(digest)
    case .log, .entry: true
    case .state(let key): !usedStates.contains(key)
    case .blob(let digest, _): !blobs.contains(digest)
    case .record(let key, _): !keys.contains(key)
    }
  }
}
