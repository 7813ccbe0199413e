// Owns what a family of maps is: what it finds without training, and how training stays in it. Each family has a file
// beside this one.
import NeuralNetworks
public import Tensor

/// A family of maps S(x) = W·x + b of one position's features.
public protocol MapFamily: Sendable {
  /// What it is called in messages.
  var name: String { get }
  /// Whether there is a way from one of its maps to the next, so that it can be trained.
  var canBeTrained: Bool { get }
  /// Whether b isn't always zero.
  var addsBias: Bool { get }
  /// Whether its closed form tells how many directions of the inputs it kept.
  var countsDirections: Bool { get }
  /// The family's best map of rows: of least ‖S − T‖², but for what it says.
  /// - Parameter tolerance: which directions of the inputs are called noise, where they are told apart.
  /// - Throws: `StitchingError`, and `MatrixError` where a sum isn't finite.
  func closedForm(_ statistics: RowStatistics, tolerance: RankTolerance) throws -> ClosedForm
  /// The family's weight, outputs × inputs, nearest to another, from which training starts.
  func nearestMember(to weight: Matrix) throws -> Matrix
  /// Whether training may move a weight anywhere; the two methods below aren't called then.
  var canMoveAnywhere: Bool { get }
  /// What training follows instead of the loss's gradient at one of the family's weights: the part of it along which
  /// the family goes on, zero where the family has no better map nearby. (An optimiser that scales a gradient value by
  /// value, as Adam does, would else be drawn along the family by the part that leads out of it.)
  func slopeWithin(_ gradient: Matrix, at weight: Matrix) throws -> Matrix
  /// The family's weight that replaces the one to which a step along a slope has moved another.
  func broughtBack(_ moved: Matrix, from weight: Matrix, along slope: Matrix) throws -> Matrix
}

extension MapFamily {
  public var canBeTrained: Bool { true }
  public var addsBias: Bool { true }
  public var countsDirections: Bool { false }
  public func nearestMember(to weight: Matrix) throws -> Matrix { weight }
  public var canMoveAnywhere: Bool { true }
  public func slopeWithin(_ gradient: Matrix, at weight: Matrix) throws -> Matrix { gradient }
  public func broughtBack(_ moved: Matrix, from weight: Matrix, along slope: Matrix) throws -> Matrix {
    try nearestMember(to: moved)
  }
}

/// A map that was found without training.
public struct ClosedForm: Sendable {
  /// A of S = [X 1]·A, (inputs + 1) × outputs; its last row is the bias.
  public var solution: Matrix
  /// Directions of [X 1] that were kept, of inputs + 1; nil where the family tells none apart.
  public var rank: Int?
  /// The share of the largest singular value of [X 1] up to which directions were dropped.
  public var tolerance: Double?
}

extension MapFamily {
  /// The family's map of the nearest weight; the bias stays as it is where there is one.
  func nearestMember(to map: StitchingLayer) throws -> StitchingLayer {
    let weight = try nearestMember(to: weightMatrix(map.weight))
    return try StitchingLayer(
      input: map.input, output: map.output, weight: weightTensor(weight, map.weight.shape),
      bias: addsBias ? map.bias : Tensor(zeros: map.bias.shape))
  }
}

/// A layer's weight, outputs × inputs, whatever extents of one come behind.
func weightMatrix(_ weight: Tensor) -> Matrix {
  Matrix(weight.shape[0], weight.shape[1], values: weight.values.map(Double.init))
}

/// A layer's weight of a shape, rounded.
func weightTensor(_ weight: Matrix, _ shape: [Int]) -> Tensor {
  Tensor(shape: shape, values: weight.values.map { Float($0) })
}
