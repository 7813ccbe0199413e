// Owns walking artifacts: manifests and what they list, down to the blobs, and taking them out as plain files.

import Canonical
import Foundation

extension Store {
  /// The deepest nesting of manifests that is followed.
  static let deepest = 64

  /// A manifest artifact's entries.
  /// - Throws: `.missing`, `.damaged`; `.record` when the artifact isn't a manifest or its text lies about it.
  public func manifest(_ artifact: Artifact) throws -> Manifest {
    guard artifact.form == .manifest else {
      throw StoreError.record(reason: "\(artifact.digest) is a blob, not a manifest")
    }
    guard let manifest = Manifest(parsing: try read(artifact.digest)), manifest.artifact == artifact else {
      throw StoreError.record(reason: "\(artifact.digest) is not the manifest that its record says")
    }
    return manifest
  }

  /// All that has to be in the store for an artifact to be whole: itself, and for a manifest what it lists,
  /// manifests included; each once, in the order of the walk.
  public func leaves(of artifact: Artifact) throws -> [Artifact] {
    var seen = Set<Artifact>()
    var out: [Artifact] = []
    func visit(_ artifact: Artifact, _ depth: Int) throws {
      guard seen.insert(artifact).inserted else { return }
      out.append(artifact)
      guard artifact.form == .manifest else { return }
      guard depth < Store.deepest else {
        throw StoreError.record(reason: "manifests nest deeper than \(Store.deepest)")
      }
      for (_, entry) in try manifest(artifact).entries.sorted(by: { $0.key < $1.key }) {
        try visit(entry, depth + 1)
      }
    }
    try visit(artifact, 0)
    return out
  }

  /// Copies an artifact out, as the plain file or folder that it is. What the user then does to it can't harm the
  /// store. The destination must not exist, and doesn't if this throws.
  public func export(_ artifact: Artifact, to destination: URL) throws {
    let path = destination.path
    guard access(path, F_OK) != 0 else {
      throw StoreError.source(path: path, reason: "exists already; move it away, or choose another name")
    }
    do { try export(artifact, to: path, 0) } catch {
      try? FileManager.default.removeItem(atPath: path)
      throw error
    }
  }

  private func export(_ artifact: Artifact, to path: String, _ depth: Int) throws {
    if artifact.form == .manifest {
      guard depth < Store.deepest else {
        throw StoreError.record(reason: "manifests nest deeper than \(Store.deepest)")
      }
      let entries = try manifest(artifact).entries
      try makeDirectory(path)
      for (name, entry) in entries.sorted(by: { $0.key < $1.key }) {
        try export(entry, to: "\(path)/\(name)", depth + 1)
      }
      return
    }
    let folder = (path as NSString).deletingLastPathComponent
    try trying(artifact.digest) { form, place in
      let output = try Temporary(in: folder.isEmpty ? "." : folder)
      try verified(form, place) { try output.write($0) }
      try output.replace(path)
    }
  }
}
