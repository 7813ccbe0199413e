// Owns the one error type of this module.

/// What can be wrong with an architecture, a model, a network or a training run, said for people.
public struct NetworkError: Error, Sendable, Equatable, CustomStringConvertible {
  /// Where, what, and how to mend it.
  public let description: String

  /// An error with the given message.
  public init(_ description: String) { self.description = description }
}
