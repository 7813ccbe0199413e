// Owns where two results of one action differ: the first artifact, the first member of a folder, and what differs inside.

import Canonical
import ContentStore
import Foundation

/// The first difference of two results.
public struct ArtifactDifference: Sendable, Hashable {
  /// `model`, or of a folder the file in it, `model/weights.safetensors`.
  public var artifact: String
  /// What differs in it; nil where the digests alone can be compared, since the recorded bytes can't be had.
  public var content: ContentDifference?

  public init(artifact: String, content: ContentDifference?) {
    self.artifact = artifact
    self.content = content
  }
}

/// Finds differences, with both sides at hand: what a store has, and what is in a trial.
struct Comparison {
  let store: any ResultStore
  let trial: Trial
  let comparers: [ContentComparer]
  /// What the result that came out now wrote.
  let written: [Digest: WrittenBlob]

  /// The first of these outputs, in the order of their names, that isn't what is recorded.
  func difference(
    of outputs: [OutputDescription], recorded: [String: Artifact], now: [String: Artifact]
  ) -> ArtifactDifference? {
    for output in outputs.sorted(by: { $0.name < $1.name }) {
      guard let after = now[output.name], recorded[output.name] != after else { continue }
      let name = output.fileName ?? "\(output.name).\(output.type.fileExtension)"
      guard let before = recorded[output.name] else {
        return ArtifactDifference(
          artifact: output.name, content: ContentDifference("all", recorded: "nothing", now: spelled(after)))
      }
      return difference(at: output.name, file: name, before, after)
    }
    return nil
  }

  private func difference(at path: String, file: String, _ before: Artifact, _ after: Artifact)
    -> ArtifactDifference
  {
    switch (before.form, after.form) {
    case (.manifest, .manifest):
      guard let old = try? store.entries(of: before.digest), let new = try? entries(of: after) else {
        return ArtifactDifference(artifact: path, content: nil)
      }
      for name in Set(old.keys).union(new.keys).sorted() where old[name] != new[name] {
        guard let a = old[name], let b = new[name] else {
          return ArtifactDifference(
            artifact: "\(path)/\(name)",
            content: ContentDifference(
              "all", recorded: old[name].map(spelled) ?? "nothing", now: new[name].map(spelled) ?? "nothing"))
        }
        return difference(at: "\(path)/\(name)", file: name, a, b)
      }
      return ArtifactDifference(artifact: path, content: nil)
    case (.blob, .blob):
      guard let old = try? store.file(for: before.digest), let new = try? self.file(of: after) else {
        return ArtifactDifference(artifact: path, content: nil)
      }
      let ending = URL(fileURLWithPath: file).pathExtension
      let comparer = (comparers + ContentComparer.plain).first { $0.fileExtension == ending }
      let content = try? comparer?.difference(old, new) ?? ContentComparer.bytes(old, new)
      return ArtifactDifference(artifact: path, content: content ?? (try? ContentComparer.bytes(old, new)))
    default:
      return ArtifactDifference(
        artifact: path, content: ContentDifference("all", recorded: spelled(before), now: spelled(after)))
    }
  }

  private func spelled(_ artifact: Artifact) -> String {
    artifact.form == .manifest ? "a folder" : "a file of \(artifact.size) bytes"
  }

  /// What came out now may link to what it read, which is in the store.
  private func file(of artifact: Artifact) throws -> URL {
    try written[artifact.digest].map { try trial.file(of: $0) } ?? store.file(for: artifact.digest)
  }

  private func entries(of artifact: Artifact) throws -> [String: Artifact] {
    guard let blob = written[artifact.digest] else { return try store.entries(of: artifact.digest) }
    guard let manifest = Manifest(parsing: try Array(Data(contentsOf: trial.file(of: blob)))) else {
      throw StoreError.damaged(artifact.digest, reason: "it isn't a manifest")
    }
    return manifest.entries
  }
}
