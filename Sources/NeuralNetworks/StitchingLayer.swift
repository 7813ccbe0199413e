// Owns the map that joins a front and an end. It deliberately doesn't know how it is fitted.

public import Tensor

/// S: a 1×1 convolution with bias for images (after a bilinear resize where sizes differ), a linear map with
/// bias for vectors and for each of a row of tokens.
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

  /// Whether inputs are resized before the 1×1 convolution.
  public var resizes: Bool {
    guard case .image(let from) = input, case .image(let to) = output else { return false }
    return (from.height, from.width) != (to.height, to.width)
  }

  /// Its layers, under the parameter names `weight` and `bias`.
  var layers: LayerGraph {
    var graph = LayerGraph(input: input.extents)
    var x = graph.input
    let (inputs, outputs) = (input.features, output.features)
    switch output {
    case .image(let size):
      if resizes { x = graph.append(Resize(height: size.height, width: size.width), [x]) }
      _ = graph.append(Convolution("", from: inputs, to: outputs, kernel: 1, hasBias: true), [x])
    case .tokens: _ = graph.append(TokenLinear("", from: inputs, to: outputs), [x])
    case .vector: _ = graph.append(Linear("", from: inputs, to: outputs), [x])
    }
    return graph
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
