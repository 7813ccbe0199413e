// Owns what can be reached from an artifact: a manifest's text, what it lists, and so on down. It knows of no stage.

import Canonical
import ContentStore
import Foundation

/// Walks manifests, each read once.
final class BlobTree {
  private let store: Store
  private var entries: [Digest: [Artifact]] = [:]

  init(_ store: Store) { self.store = store }

  /// What a walk met.
  struct Walk {
    /// Every blob and manifest text that can be reached.
    var digests: Set<Digest> = []
    /// Manifests that could not be read, so that what they list isn't known.
    var unreadable: [Digest: StoreError] = [:]
  }

  /// Everything that can be reached from these artifacts. Throws where the store itself fails.
  func walk(_ roots: some Sequence<Artifact>) throws -> Walk {
    var walk = Walk()
    var stack = Array(roots)
    while let artifact = stack.popLast() {
      guard walk.digests.insert(artifact.digest).inserted, artifact.form == .manifest else { continue }
      if let known = entries[artifact.digest] {
        stack += known
        continue
      }
      do {
        guard let manifest = Manifest(parsing: try store.read(artifact.digest)) else {
          throw StoreError.damaged(artifact.digest, reason: "it isn't a manifest")
        }
        let listed = Array(manifest.entries.values)
        entries[artifact.digest] = listed
        stack += listed
      } catch let error as StoreError {
        guard error.isLostBlob else { throw error }
        walk.unreadable[artifact.digest] = error
      }
    }
    return walk
  }

  /// The files of everything that can be reached; or, for each blob that can't be had, why.
  func open(_ roots: some Sequence<Artifact>) throws -> (files: [Digest: String], lost: [Digest: StoreError])
  {
    let walk = try walk(roots)
    var files: [Digest: String] = [:]
    var lost = walk.unreadable
    for digest in walk.digests where lost[digest] == nil {
      do {
        files[digest] = try store.file(for: digest).path
      } catch let error as StoreError {
        guard error.isLostBlob else { throw error }
        lost[digest] = error
      }
    }
    // A manifest that was cached here may be gone by now; it is read again when it has been rebuilt.
    for digest in lost.keys { entries[digest] = nil }
    return (files, lost)
  }
}

extension StoreError {
  /// Whether running the producer again mends it.
  var isLostBlob: Bool {
    switch self {
    case .missing, .damaged: true
    default: false
    }
  }
}
