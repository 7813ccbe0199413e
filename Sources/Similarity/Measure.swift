// Owns what a similarity measure is. The list of all of them is Measures.swift.

/// What may be done to one of two representations without changing a measure.
public enum Invariance: String, Sendable, CaseIterable {
  /// Any orthogonal transformation of the features.
  case orthogonal
  /// Multiplication of all features by one positive number.
  case scaling
  /// Adding a vector to every sample.
  case translation
  /// Any invertible linear transformation of the features.
  case invertibleLinear = "invertible linear"
  /// A permutation of the features.
  case permutation
}

/// A measure of how similar two representations of the same samples are.
public struct Measure: Sendable {
  /// The name in pipeline files.
  public let name: String
  /// One line on what its values mean.
  public let summary: String
  public let citation: String
  /// Held to by a property test.
  public let invariances: Set<Invariance>
  /// The file that declares it, as `#fileID` has it.
  public let file: String
  private let compute: @Sendable (Centred, Centred) throws -> Double

  init(
    name: String, summary: String, citation: String, invariances: Set<Invariance>,
    file: String = #fileID, compute: @escaping @Sendable (Centred, Centred) throws -> Double
  ) {
    self.name = name
    self.summary = summary
    self.citation = citation
    self.invariances = invariances
    self.file = file
    self.compute = compute
  }

  /// The measure of two representations with as many rows each. Representations with NaN, with fewer than two
  /// samples or without variance are errors.
  public func callAsFunction(_ x: Representation, _ y: Representation) throws -> Double {
    try Measure.requireSameRows(x, y)
    return try compute(Centred(x), Centred(y))
  }

  /// The measure of two representations that are centred already, for more than one comparison.
  public func callAsFunction(_ x: Centred, _ y: Centred) throws -> Double {
    try Measure.requireSameRows(x.source, y.source)
    return try compute(x, y)
  }

  private static func requireSameRows(_ x: Representation, _ y: Representation) throws {
    guard x.n == y.n else {
      throw SimilarityError("\(x.name) has \(x.n) samples, \(y.name) has \(y.n); they must be the same ones")
    }
  }
}
