// Owns segments of one layer, which architectures never need and tests of each layer do. It stands here because
// tests are built in release mode, where nothing internal can be imported.

import Tensor

extension Segment {
  /// A layer by itself.
  package enum SingleLayer {
    case convolution(outputs: Int, kernel: Int, stride: Int, padding: Int)
    case batchNorm, batchNormAndReLU
    /// A convolution with bias and a batch norm, which a frozen segment computes as one.
    case convolutionAndBatchNorm(outputs: Int, kernel: Int, padding: Int)
    case linear(outputs: Int)
    case relu, maxPooling(Int, stride: Int? = nil, padding: Int = 0), globalAverage, flatten
    case resize(height: Int, width: Int)
    /// relu(x + convolution(x)): an addition whose input is used twice.
    case residual
    case tokenLinear(outputs: Int)
    /// x + linear(x) of tokens.
    case tokenResidual
    case layerNorm, gelu
    case attention(heads: Int)
    case patchEmbedding(patch: Int, width: Int)
    case classTokenAndPositions, classTokenOnly
    case gridToTokens, tokensToGrid
    /// Four patches of a larger grid, and the class token before them.
    case fewerTokens
  }

  /// A segment of one layer, for inputs of the given shape, with parameters of the given values.
  package static func single(
    _ kind: SingleLayer, input: [Int], frozen: Bool = false, statistics: BatchNormStatistics = .running,
    values: (_ name: String, _ shape: [Int]) -> Tensor
  ) -> Segment {
    var graph = LayerGraph(input: input)
    let x = graph.input
    switch kind {
    case .convolution(let outputs, let kernel, let stride, let padding):
      _ = graph.append(
        Convolution(
          "", from: input[0], to: outputs, kernel: kernel, stride: stride, padding: padding, hasBias: true),
        [x])
    case .batchNorm: _ = graph.append(BatchNorm("norm", channels: input[0]), [x])
    case .batchNormAndReLU:
      let y = graph.append(BatchNorm("norm", channels: input[0]), [x])
      _ = graph.append(ReLU(), [y])
    case .convolutionAndBatchNorm(let outputs, let kernel, let padding):
      let y = graph.append(
        Convolution("", from: input[0], to: outputs, kernel: kernel, padding: padding, hasBias: true), [x])
      _ = graph.append(BatchNorm("norm", channels: outputs), [y])
    case .linear(let outputs): _ = graph.append(Linear("", from: input[0], to: outputs), [x])
    case .relu: _ = graph.append(ReLU(), [x])
    case .maxPooling(let window, let stride, let padding):
      _ = graph.append(MaxPooling(window: window, stride: stride, padding: padding), [x])
    case .globalAverage: _ = graph.append(GlobalAveragePooling(), [x])
    case .flatten: _ = graph.append(Flatten(), [x])
    case .resize(let height, let width): _ = graph.append(Resize(height: height, width: width), [x])
    case .residual:
      let y = graph.append(
        Convolution("", from: input[0], to: input[0], kernel: 3, padding: 1, hasBias: true), [x])
      _ = graph.append(ReLU(), [graph.append(Add(), [y, x])])
    case .tokenLinear(let outputs):
      _ = graph.append(TokenLinear("", from: input[1], to: outputs), [x])
    case .tokenResidual:
      _ = graph.append(TokenLinear("", from: input[1], to: input[1], addsInput: true), [x, x])
    case .layerNorm: _ = graph.append(LayerNorm("norm", width: input.last!), [x])
    case .gelu: _ = graph.append(GELU(), [x])
    case .attention(let heads): _ = graph.append(Attention(heads: heads), [x])
    case .patchEmbedding(let patch, let width):
      _ = graph.append(PatchEmbedding("proj", channels: input[0], patch: patch, width: width), [x])
    case .classTokenAndPositions:
      _ = graph.append(ClassTokenAndPositions(tokens: input[0], width: input[1]), [x])
    case .classTokenOnly: _ = graph.append(ClassTokenOnly(), [x])
    case .gridToTokens: _ = graph.append(GridToTokens(), [x])
    case .tokensToGrid: _ = graph.append(TokensToGrid(), [x])
    case .fewerTokens: _ = graph.appendPositions(of: .tokens(count: 5, width: input[1]), x)
    }
    let shapes = Dictionary(uniqueKeysWithValues: graph.parameters.map { ($0.name, $0.shape) })
    return Segment(
      parameters: ParameterSet(graph.parameters) { values($0, shapes[$0]!) }, frozen: frozen,
      statistics: statistics, layers: graph, start: nil, end: nil, standardisation: nil, name: "layer")
  }
}
