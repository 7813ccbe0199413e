// Owns what a measure of two networks' outputs is. The list of all of them is OutputMeasures.swift.

/// A number that says how the outputs of two networks on the same inputs compare.
public struct OutputMeasure: Sendable {
  /// What a larger value means.
  public enum Direction: String, Sendable {
    /// More alike.
    case similarity
    /// Less alike.
    case distance
    /// Neither: what another measure would be by chance.
    case level
  }

  /// The name of its score.
  public let name: String
  /// One line with its formula.
  public let summary: String
  public let citation: String
  /// What values it can have.
  public let range: ClosedRange<Double>
  public let direction: Direction
  /// The file that declares it, as `#fileID` has it.
  public let file: String
  private let compute: @Sendable (PairedOutputs) -> Double?

  init(
    name: String, summary: String, citation: String, range: ClosedRange<Double>, direction: Direction,
    file: String = #fileID, compute: @escaping @Sendable (PairedOutputs) -> Double?
  ) {
    self.name = name
    self.summary = summary
    self.citation = citation
    self.range = range
    self.direction = direction
    self.file = file
    self.compute = compute
  }

  /// Its value; nil where the formula divides by 0, as its summary says. What rounding puts beside the range is put back.
  public func callAsFunction(_ outputs: PairedOutputs) -> Double? {
    compute(outputs).map { min(max($0, range.lowerBound), range.upperBound) }
  }
}
