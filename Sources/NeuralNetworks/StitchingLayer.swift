// Owns the map that joins a front and an end. It deliberately doesn't know how it is fitted.

public import Tensor

/// S: features are mixed at each position by a 1×1 convolution with bias for images, a linear map with bias for
/// vectors and for each of a row of tokens; where the positions of front and end differ, those of the front are first
/// made the end's (`ActivationShape.atPositions`). An image that grows is resized behind the mixing: both are linear
/// and a resize's weights add up to one, so that they commute but for rounding, and the mixing has less to do.
public struct StitchingLayer: Sendable, Equatable {
  /// What it takes.
  public let input: ActivationShape
  /// What it makes.
  public let output: ActivationShape
  /// Outputs × inputs.
  public let weight: Tensor
  /// One value per output.
  public let bias: Tensor

  /// A map of the given values.
  /// - Throws: `NetworkError` where shapes don't fit together, or a value isn't finite.
  public init(input: ActivationShape, output: ActivationShape, weight: Tensor, bias: Tensor) throws {
    guard input.canBeMapped(to: output) else {
      throw NetworkError("no stitching layer from \(input) to \(output): \(ActivationShape.mapping)")
    }
    guard weight.shape == [output.features, input.features], bias.shape == [output.features] else {
      throw NetworkError(
        "stitching layer from \(input) to \(output): weight \(weight.shape) and bias \(bias.shape) should be "
          + "[\(output.features), \(input.features)] and [\(output.features)]")
    }
    for (name, tensor) in [("weight", weight), ("bias", bias)] {
      if let wrong = tensor.firstNotFinite {
        throw NetworkError(
          "stitching layer from \(input) to \(output): \(name) has \(wrong.value) at \(wrong.index)")
      }
    }
    self.input = input
    self.output = output
    self.weight = weight
    self.bias = bias
  }

  /// A map with PyTorch's default initialisation, uniform within ±1/√inputs: a function of shapes and seed.
  public static func initialised(
    input: ActivationShape, output: ActivationShape, seed: UInt64
  ) throws -> StitchingLayer {
    let (outputs, inputs) = (output.features, input.features)
    let bound = 1 / Float(inputs).squareRoot()
    func draw(_ shape: [Int], _ index: UInt32) -> Tensor {
      let random = Philox(seed: seed, purpose: .stitchingLayer, index: index)
      return Tensor(
        shape: shape,
        values: (0..<shape.reduce(1, *)).map { (2 * random.uniform(at: UInt64($0)) - 1) * bound })
    }
    return try StitchingLayer(
      input: input, output: output, weight: draw([outputs, inputs], 0), bias: draw([outputs], 1))
  }

  /// Whether inputs are brought to other positions than they have: resized, say.
  public var movesPositions: Bool { input.atPositions(of: output) != input }

  /// Its layers, under the parameter names `weight` and `bias`.
  var layers: LayerGraph {
    var graph = LayerGraph(input: input.extents)
    var x = graph.input
    let (inputs, outputs) = (input.features, output.features)
    let grows = growsImages
    if !grows { x = graph.appendPositions(of: output, x) }
    switch output {
    case .image: x = graph.append(Convolution("", from: inputs, to: outputs, kernel: 1, hasBias: true), [x])
    case .tokens: x = graph.append(TokenLinear("", from: inputs, to: outputs), [x])
    case .vector: x = graph.append(Linear("", from: inputs, to: outputs), [x])
    }
    if grows { _ = graph.appendPositions(of: output, x) }
    return graph
  }

  private var growsImages: Bool {
    guard case .image(let from) = input, case .image(let to) = output else { return false }
    return from.height * from.width < to.height * to.width
  }
}

extension StitchingLayer {
  /// This map with the live values of a parameter set made from it.
  public func updated(from parameters: ParameterSet) throws -> StitchingLayer {
    try StitchingLayer(
      input: input, output: output,
      weight: parameters.tensor("weight").reshaped([output.features, input.features]),
      bias: parameters.tensor("bias"))
  }
}

extension Model {
  /// This model with the live values of a parameter set made from it (running statistics that drifted, say).
  public func updated(from parameters: ParameterSet) throws -> Model {
    try Model(architecture: architecture, tensors: parameters.tensors, standardisation: standardisation)
  }
}
