// Owns the declaration of what a stage kind makes, and the place where a running stage puts it.

import ContentStore
import Foundation

/// An output of a stage kind: `@Output("the trained network", .model) var model: OutputArtifact`.
@propertyWrapper
public struct Output: Sendable {
  let help: String
  let type: ArtifactType
  private let slot = Slot<OutputArtifact>()

  public init(_ help: String, _ type: ArtifactType) {
    self.help = help
    self.type = type
  }

  public var wrappedValue: OutputArtifact {
    guard let value = slot.value else { preconditionFailure("BUG: read before it was bound") }
    return value
  }

  func bind(_ output: OutputArtifact) { slot.value = output }
}

/// Where a running stage puts an output: a file or a folder at `url`, and links to artifacts that exist already.
public final class OutputArtifact: @unchecked Sendable {
  /// Write a file here for a blob, or make a folder here for a manifest.
  public let url: URL
  /// Members of the folder that are not files but artifacts the stage read, by name.
  public private(set) var links: [String: Artifact] = [:]

  public init(url: URL) { self.url = url }

  /// Makes the folder and returns the place of one file in it.
  public func file(_ name: String) throws -> URL {
    try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
    return url.appendingPathComponent(name)
  }

  /// Names an artifact that exists already as a member of this folder; nothing is copied.
  public func link(_ name: String, to input: InputArtifact) throws {
    try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
    links[name] = input.artifact
  }
}
