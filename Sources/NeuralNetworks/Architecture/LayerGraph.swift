// Owns the order of layers: which value each layer takes, its shape, and where the cuts are. It
// deliberately doesn't know memory, layouts or batches.

/// A directed acyclic graph of layers in an order in which they can be computed; a value is named by the
/// index of the node that makes it. Node 0 is the input.
struct LayerGraph {
  /// One layer and the value that it makes.
  struct Node {
    var layer: any Layer
    /// The values that it takes.
    var inputs: [Int]
    /// The shape of its value, without the batch.
    var shape: [Int]
    var cut: Cut?
    /// The network's segment that it belongs to.
    var segment = 0
  }

  private(set) var nodes: [Node]

  init(input shape: ImageShape) { self.init(input: ActivationShape.image(shape).extents) }
  init(input shape: [Int]) { nodes = [Node(layer: Input(), inputs: [], shape: shape)] }
  init(nodes: [Node]) { self.nodes = nodes }

  var input: Int { 0 }
  func shape(_ value: Int) -> [Int] { nodes[value].shape }

  /// The shape of a value as others see it.
  func activationShape(_ value: Int) -> ActivationShape {
    guard let shape = ActivationShape(extents: shape(value)) else {
      preconditionFailure("BUG: a layer makes values of shape \(shape(value))")
    }
    return shape
  }

  /// Appends a layer and returns its value.
  mutating func append(_ layer: any Layer, _ inputs: [Int], segment: Int = 0) -> Int {
    let shape = layer.outputShape(inputs.map { nodes[$0].shape })
    nodes.append(Node(layer: layer, inputs: inputs, shape: shape, segment: segment))
    return nodes.count - 1
  }

  mutating func mark(_ cut: Cut, at value: Int) { nodes[value].cut = cut }

  /// All parameters and running statistics, in the order of the layers.
  var parameters: [ParameterDeclaration] { nodes.flatMap(\.layer.parameters) }

  /// Appends the part of `other` behind `start` up to `end` (nil: from its input, to its output), fed by the
  /// value `x`, as segment `segment`; returns the value of each of its nodes.
  ///
  /// A cut's value is the only one that later layers take, so the part is the run of nodes between.
  mutating func append(
    _ other: LayerGraph, after start: Int?, through end: Int?, fedBy x: Int, segment: Int
  ) -> [Int: Int] {
    let first = start ?? 0
    var values = [first: x]
    let last = end ?? other.nodes.count - 1
    guard first < last else { return values }
    for index in (first + 1)...last {
      let node = other.nodes[index]
      let value = append(node.layer, node.inputs.map { values[$0]! }, segment: segment)
      nodes[value].cut = node.cut
      values[index] = value
    }
    return values
  }
}

/// A named tensor that a layer needs, and how a fresh model gets it.
struct ParameterDeclaration {
  enum Role {
    /// A convolution's weights: He initialisation by fan-out, as torchvision's ResNets do.
    case convolution
    /// A linear layer's weights or bias: uniform within ±1/√inputs, as PyTorch does.
    case linear(inputs: Int)
    /// Normal around 0.
    case normal(deviation: Double)
    /// A norm's scale (1) or shift (0), or another bias (0).
    case scale, shift
    /// Running statistics: not trained.
    case mean, variance
  }
  let name: String
  let shape: [Int]
  let role: Role

  var isTrained: Bool {
    switch role {
    case .mean, .variance: false
    default: true
    }
  }
}
