// Owns the words for which halves of a dataset something is done to.

/// Which halves are changed; the other one stays as it is.
public enum Halves: String, Sendable, CaseIterable {
  case both, train, test

  public func contains(_ split: Split) -> Bool { self == .both || rawValue == split.rawValue }
}
