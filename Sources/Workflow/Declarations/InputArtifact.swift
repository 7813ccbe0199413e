// Owns how a running stage sees an artifact that it reads: as files that are already there, verified and
// read-only.

import Canonical
import ContentStore
import Foundation

/// An artifact that a stage reads.
public struct InputArtifact: Sendable {
  public let artifact: Artifact
  /// The axes of the instance that made it, flattened (`front.seed`); empty unless the input is `labelled`.
  public let labels: [Label]
  /// The stage it comes from; empty unless the input is `labelled`.
  public let stage: String
  private let files: InputFiles

  public init(artifact: Artifact, labels: [Label] = [], stage: String = "", files: InputFiles) {
    self.artifact = artifact
    self.labels = labels
    self.stage = stage
    self.files = files
  }

  /// The file with this blob's bytes (or a manifest's text).
  public var url: URL { files.url(of: artifact.digest) }

  /// The members of a manifest. Throws if this is a blob, or its text is damaged.
  public var entries: [String: InputArtifact] {
    get throws {
      guard artifact.form == .manifest, let manifest = Manifest(parsing: try Data(contentsOf: url)) else {
        throw InputError(message: "artifact \(artifact.digest) is not a manifest")
      }
      return manifest.entries.mapValues { InputArtifact(artifact: $0, files: files) }
    }
  }

  /// It as the file or folder that somebody's program wrote: a manifest becomes the folder `place`, with links to its
  /// files.
  func file(at place: URL) throws -> URL {
    guard artifact.form == .manifest else { return url }
    try FileManager.default.createDirectory(at: place, withIntermediateDirectories: true)
    for (name, entry) in try entries {
      let member = place.appendingPathComponent(name)
      if entry.artifact.form == .manifest {
        _ = try entry.file(at: member)
      } else {
        try FileManager.default.createSymbolicLink(at: member, withDestinationURL: entry.url)
      }
    }
    return place
  }

  /// One member of a manifest, or an error that lists those there are.
  public func entry(_ name: String) throws -> InputArtifact {
    let entries = try entries
    guard let entry = entries[name] else {
      let known = entries.keys.sorted().joined(separator: ", ")
      throw InputError(message: "artifact \(artifact.digest) has no '\(name)'; it has \(known)")
    }
    return entry
  }
}

/// Where the blobs that a job may read lie.
public struct InputFiles: Sendable {
  private let paths: [Digest: String]
  public init(_ paths: [Digest: String]) { self.paths = paths }

  func url(of digest: Digest) -> URL {
    guard let path = paths[digest] else { preconditionFailure("BUG: blob \(digest) was not brought along") }
    return URL(fileURLWithPath: path)
  }
}

/// An artifact that isn't what the stage needs.
public struct InputError: Error, CustomStringConvertible, Sendable {
  public let message: String
  public var description: String { message }

  public init(message: String) { self.message = message }
}

/// One axis of an instance with its value.
public struct Label: Hashable, Sendable {
  /// The axis; a group as an axis is flattened into the axes of its members, `front.seed`.
  public var axis: String
  /// A scalar as it stands in names: `0`, `standard`.
  public var value: String

  public init(axis: String, value: String) {
    self.axis = axis
    self.value = value
  }
}
