// Owns walking artifacts, down to the blobs, and taking them out as plain files. Walks are bounded, since a manifest may
// come from a remote: in depth, count and bytes.

import Canonical
import Foundation

extension Store {
  /// All that has to be in the store for an artifact to be whole: itself, and for a manifest what it lists,
  /// manifests included; each once, in the order of the walk.
  /// - Throws: `.missing`, `.damaged`; `.record` for manifests beyond `Manifest`'s bounds.
  public func leaves(of artifact: Artifact) throws -> [Artifact] {
    var seen = Set<Artifact>()
    var out: [Artifact] = []
    func visit(_ artifact: Artifact, _ depth: Int) throws {
      guard seen.insert(artifact).inserted else { return }
      out.append(artifact)
      try Store.check(count: out.count, depth: depth)
      guard artifact.form == .manifest else { return }
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
    // Before anything is written: a few manifests that list each other many times are a disk full of files.
    var counts: [Digest: Int] = [:]
    _ = try count(artifact, 0, &counts)
    do { try export(artifact, to: path) } catch {
      try? FileManager.default.removeItem(atPath: path)
      throw error
    }
  }

  /// How many files and folders an artifact is, counted once for each manifest.
  private func count(_ artifact: Artifact, _ depth: Int, _ known: inout [Digest: Int]) throws -> Int {
    guard artifact.form == .manifest else { return 1 }
    if let count = known[artifact.digest] { return count }
    var sum = 1
    for entry in try manifest(artifact).entries.values {
      sum += try count(entry, depth + 1, &known)
      try Store.check(count: sum, depth: depth)
    }
    known[artifact.digest] = sum
    return sum
  }

  private static func check(count: Int, depth: Int) throws {
    guard depth <= Manifest.deepest else {
      throw StoreError.record(reason: "manifests nest deeper than \(Manifest.deepest)")
    }
    guard count <= Manifest.mostEntries else {
      throw StoreError.record(reason: "its manifests list more than \(Manifest.mostEntries) entries")
    }
  }

  private func export(_ artifact: Artifact, to path: String) throws {
    if artifact.form == .manifest {
      let entries = try manifest(artifact).entries
      try makeDirectory(path)
      for (name, entry) in entries.sorted(by: { $0.key < $1.key }) {
        try export(entry, to: "\(path)/\(name)")
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
