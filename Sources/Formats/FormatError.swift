// Owns what goes wrong when a file isn't what it should be.

/// A file that doesn't follow its format. The message says which file, where in it, what was found and what
/// was expected.
public struct FormatError: Error, Hashable, Sendable, CustomStringConvertible {
  /// The file, as the user knows it.
  public let file: String
  /// Where in the file, what was found, what was expected.
  public let problem: String

  public init(file: String, _ problem: String) {
    self.file = file
    self.problem = problem
  }

  public var description: String { "\(file): \(problem)" }
}
