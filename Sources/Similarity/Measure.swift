// Owns what a similarity measure is. The list of all of them is Measures.swift.

/// What may be done to a representation without changing a measure.
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
  /// Whether a higher value means more similar.
  public enum Direction: String, Sendable { case similarity, distance }

  /// The name in pipeline files.
  public let name: String
  /// The name in the benchmark ReSi (Klabunde et al., arXiv 2408.00531); nil: it isn't there.
  public let resi: String?
  /// One line on what its values mean.
  public let summary: String
  /// The formula, of X: n × p and Y: n × q with centred columns.
  public let formula: String
  public let citation: String
  public let direction: Direction
  /// Between which values it lies.
  public let range: ClosedRange<Double>
  /// Whether exchanging the two changes nothing.
  public let isSymmetric: Bool
  /// With how few samples it can be had.
  public let leastSamples: Int
  public let parameters: [MeasureParameter]
  /// What may be done to x, with the parameters' defaults. Held to by a property test, as the next.
  public let invariances: Set<Invariance>
  /// What may be done to y.
  public let invariancesOfY: Set<Invariance>
  /// The file that declares it, as `#fileID` has it.
  public let file: String
  private let compute: @Sendable (Comparison, MeasureSettings) throws -> Double

  init(
    name: String, resi: String? = nil, summary: String, formula: String, citation: String,
    _ direction: Direction, _ range: ClosedRange<Double>, isSymmetric: Bool = true, leastSamples: Int = 2,
    parameters: [MeasureParameter] = [], invariances: Set<Invariance>,
    invariancesOfY: Set<Invariance>? = nil, file: String = #fileID,
    compute: @escaping @Sendable (Comparison, MeasureSettings) throws -> Double
  ) {
    self.name = name
    self.resi = resi
    self.summary = summary
    self.formula = formula
    self.citation = citation
    self.direction = direction
    self.range = range
    self.isSymmetric = isSymmetric
    self.leastSamples = leastSamples
    self.parameters = parameters
    self.invariances = invariances
    self.invariancesOfY = invariancesOfY ?? invariances
    self.file = file
    self.compute = compute
  }

  /// The measure of two representations.
  /// - Parameter settings: of parameters, by name; the others have their defaults.
  /// - Throws: `SimilarityError` where it isn't defined for them.
  public func callAsFunction(
    _ comparison: Comparison, with settings: [String: MeasureSetting] = [:]
  ) throws -> Double {
    guard comparison.n >= leastSamples else {
      throw SimilarityError("\(name) needs \(leastSamples) samples, there are \(comparison.n)")
    }
    let value: Double
    do { value = try compute(comparison, MeasureSettings(of: self, settings)) } catch let error
      as SimilarityError
    { throw SimilarityError("\(name): \(error)") }
    guard value.isFinite else { throw SimilarityError("\(name) is \(value) here, which is no number") }
    return value
  }

  /// The same of representations that aren't compared with others.
  public func callAsFunction(
    _ x: Representation, _ y: Representation, with settings: [String: MeasureSetting] = [:]
  ) throws -> Double {
    try Comparison.requireSameRows(x.name, x.n, y.name, y.n)
    let shelf = Shelf()
    return try self(Comparison(Prepared(x, on: shelf), Prepared(y, on: shelf)), with: settings)
  }
}
