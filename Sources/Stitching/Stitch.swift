// Owns what is joined: a front up to a cut, an end after a cut, and the networks made of them. How the map
// between them is found is in Fit.swift.
public import NeuralNetworks
import Tensor

/// A front and an end with their cuts: everything of a stitched network but the map.
public struct Stitch: Sendable {
  /// The network whose beginning is used, f.
  public let front: Model
  /// Where the front stops, l.
  public let from: Cut
  /// The network whose rest is used, g.
  public let end: Model
  /// After which cut the end goes on, m.
  public let to: Cut
  /// The front's activations at its cut, without the batch.
  public let input: ActivationShape
  /// The end's activations at its cut.
  public let output: ActivationShape

  /// Joins `front` up to `from` with `end` after `to`.
  /// - Throws: `NetworkError` for a cut that an architecture lacks, `StitchingError` where the two can't be
  ///   joined.
  public init(front: Model, from: Cut, end: Model, to: Cut) throws {
    self.front = front
    self.from = from
    self.end = end
    self.to = to
    input = try front.architecture.shape(at: from)
    output = try end.architecture.shape(at: to)
    guard front.architecture.input == end.architecture.input else {
      throw StitchingError(
        "the front takes images of \(front.architecture.input), the end of \(end.architecture.input); both see "
          + "the same images, so they must take the same size")
    }
    guard input.canBeMapped(to: output) else {
      throw StitchingError(
        "the front's '\(from)' gives \(input), the end's '\(to)' takes \(output); \(ActivationShape.mapping)")
    }
  }

  /// The end's cuts from `to` on, k = m … L: where FuLA compares (the paper's hook points). Logits are none.
  public var endCuts: [Cut] {
    Array(end.architecture.cuts.drop { $0 != to })
  }

  /// The stitched network: the front up to its cut, the map, the end after its cut; all frozen.
  public func network(_ map: StitchingLayer) throws -> Network {
    try Network(segments: [
      .model(front, through: from), .map(map, frozen: true), .model(end, after: to),
    ])
  }

  /// The map that copies channels as far as there are as many, without bias.
  package func identityMap() throws -> StitchingLayer {
    let (outputs, inputs) = (output.features, input.features)
    return try StitchingLayer(
      input: input, output: output,
      weight: Tensor(
        shape: [outputs, inputs],
        values: (0..<(outputs * inputs)).map { $0 / inputs == $0 % inputs ? 1 : 0 }),
      bias: Tensor(zeros: [outputs]))
  }
}

/// A stitch that can't be made, fitted or measured. The message says where and what.
public struct StitchingError: Error, Sendable, Hashable, CustomStringConvertible {
  public let description: String

  public init(_ description: String) { self.description = description }
}
