// Owns the map that joins a front and an end. It deliberately doesn't know how it is fitted.

public import Tensor

/// S: a 1×1 convolution with bias for images (after a bilinear resize where sizes differ), a linear map with
/// bias for vectors.
public struct StitchingLayer: Sendable, Equatable {
  /// What it takes: C×H×W or a length.
  public let input: [Int]
  /// What it makes: C×H×W or a length.
  public let output: [Int]
  /// Outputs × inputs.
  public let weight: Tensor
  /// One value per output channel.
  public let bias: Tensor

  /// A map of the given values.
  /// - Throws: `NetworkError` where shapes don't fit together, or a value isn't finite.
  public init(input: [Int], output: [Int], weight: Tensor, bias: Tensor) throws {
    guard input.count == output.count, input.count == 1 || input.count == 3 else {
      throw NetworkError(
        "no stitching layer from \(input) to \(output): images go to images, vectors to vectors")
    }
    guard weight.shape == [output[0], input[0]], bias.shape == [output[0]] else {
      throw NetworkError(
        "stitching layer from \(input) to \(output): weight \(weight.shape) and bias \(bias.shape) should be "
          + "[\(output[0]), \(input[0])] and [\(output[0])]")
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
  public static func initialised(input: [Int], output: [Int], seed: UInt64) throws -> StitchingLayer {
    let bound = 1 / Float(input[0]).squareRoot()
    func draw(_ shape: [Int], _ index: UInt32) -> Tensor {
      let random = Philox(seed: seed, purpose: .stitchingLayer, index: index)
      return Tensor(
        shape: shape,
        values: (0..<shape.reduce(1, *)).map { (2 * random.uniform(at: UInt64($0)) - 1) * bound })
    }
    return try StitchingLayer(
      input: input, output: output, weight: draw([output[0], input[0]], 0), bias: draw([output[0]], 1))
  }

  /// Whether inputs are resized before the 1×1 convolution.
  public var resizes: Bool { input.count == 3 && input[1...] != output[1...] }

  /// Its layers, under the parameter names `weight` and `bias`.
  var layers: LayerGraph {
    var graph = LayerGraph(input: input)
    var x = graph.input
    if resizes { x = graph.append(Resize(height: output[1], width: output[2]), [x]) }
    if input.count == 3 {
      _ = graph.append(
        Convolution("", from: input[0], to: output[0], kernel: 1, hasBias: true), [x])
    } else {
      _ = graph.append(Linear("", from: input[0], to: output[0]), [x])
    }
    return graph
  }
}

extension StitchingLayer {
  /// This map with the live values of a parameter set made from it.
  public func updated(from parameters: ParameterSet) throws -> StitchingLayer {
    try StitchingLayer(
      input: input, output: output,
      weight: parameters.tensor("weight").reshaped([output[0], input[0]]), bias: parameters.tensor("bias"))
  }
}

extension Model {
  /// This model with the live values of a parameter set made from it (running statistics that drifted, say).
  public func updated(from parameters: ParameterSet) throws -> Model {
    try Model(architecture: architecture, tensors: parameters.tensors, standardisation: standardisation)
  }
}
