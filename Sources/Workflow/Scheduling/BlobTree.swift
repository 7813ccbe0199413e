// Owns what can be reached from an artifact: a manifest's text, what it lists, and so on down. It knows of no stage.

import Canonical
import ContentStore
import Foundation
import Synchronization

/// Walks manifests. Its calls may block, and come from several threads.
final class BlobTree: Sendable {
  private let store: any ResultStore
  private let entries = Mutex<[Digest: [Artifact]]>([:])

  init(_ store: any ResultStore) { self.store = store }

  /// What a walk met.
  struct Walk: Sendable {
    /// Every blob and manifest text that can be reached.
    var digests: Set<Digest> = []
    /// The manifests among them.
    var manifests: [Digest] = []
    /// Manifests that could not be read, so that what they list isn't known.
    var unreadable: [Digest: StoreError] = [:]
  }

  /// Everything that can be reached from these artifacts.
  func walk(_ roots: some Sequence<Artifact>) -> Walk {
    var walk = Walk()
    var level = Array(roots)
    while !level.isEmpty {
      var manifests: [Digest] = []
      for artifact in level where walk.digests.insert(artifact.digest).inserted {
        if artifact.form == .manifest { manifests.append(artifact.digest) }
      }
      level = []
      // All that this level lists at once; what can't be had says so when it is read.
      let unknown = entries.withLock { entries in manifests.filter { entries[$0] == nil } }
      if !unknown.isEmpty { try? store.fetch(unknown, listedBy: walk.manifests) }
      walk.manifests += manifests
      for manifest in manifests {
        do { level += try listed(manifest) } catch {
          walk.unreadable[manifest] = StoreError(wrapping: error)
        }
      }
    }
    return walk
  }

  private func listed(_ manifest: Digest) throws -> [Artifact] {
    if let known = entries.withLock({ $0[manifest] }) { return known }
    let listed = Array(try store.entries(of: manifest).values)
    entries.withLock { $0[manifest] = listed }
    return listed
  }

  /// The files of everything that can be reached; or, for each blob that can't be had, why.
  func open(_ roots: some Sequence<Artifact>) -> (files: [Digest: String], faults: [Digest: StoreError]) {
    let walk = walk(roots)
    var files: [Digest: String] = [:]
    var faults = walk.unreadable
    // What isn't here comes at once; what of it can't be had says so when it is opened.
    try? store.fetch(walk.digests.sorted(), listedBy: walk.manifests)
    for digest in walk.digests.sorted() where faults[digest] == nil {
      do { files[digest] = try store.file(for: digest).path } catch {
        faults[digest] = StoreError(wrapping: error)
      }
    }
    // A manifest that was cached here may be gone by now; it is read again when it has been rebuilt.
    for digest in faults.keys { entries.withLock { $0[digest] = nil } }
    return (files, faults)
  }

  /// For each of these blobs, the first of `candidates` (in topological order) whose artifacts hold it: the instance
  /// that made it, not one that links to it.
  func producers(of lost: Set<Digest>, among candidates: [(instance: Int, artifacts: [Artifact])]) -> [Digest:
    Int]
  {
    var producers: [Digest: Int] = [:]
    for (i, artifacts) in candidates where producers.count < lost.count {
      for digest in walk(artifacts).digests.intersection(lost) where producers[digest] == nil {
        producers[digest] = i
      }
    }
    return producers
  }
}

extension StoreError {
  /// Any error as the store's.
  init(wrapping error: any Error) {
    self = error as? StoreError ?? .system(operation: "read", path: "the store", reason: "\(error)")
  }
}
