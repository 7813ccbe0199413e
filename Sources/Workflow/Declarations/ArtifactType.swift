// Owns what an output *is*, so that a reference can be checked before anything runs. Which types exist is the
// stage kinds' business.

/// The type of an artifact: `model`, `dataset`, `table` … Kinds declare their own in extensions.
public struct ArtifactType: Hashable, Sendable, CustomStringConvertible {
  /// The word used in messages: `'front' takes one model`.
  public let name: String
  /// The file name extension of such an artifact outside the store; empty for a directory.
  public let fileExtension: String

  public init(_ name: String, fileExtension: String = "") {
    self.name = name
    self.fileExtension = fileExtension
  }

  /// A file or directory of whatever content: what commands read and write. Inputs that take `file` take all.
  public static let file = ArtifactType("file")

  public var description: String { name }

  public static func == (a: ArtifactType, b: ArtifactType) -> Bool { a.name == b.name }
  public func hash(into hasher: inout Hasher) { hasher.combine(name) }
}
