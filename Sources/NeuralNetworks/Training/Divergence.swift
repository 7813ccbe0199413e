// Owns the search for what went bad where a loss or a parameter isn't a finite number.

import Tensor

extension Network {
  /// Of a batch whose loss isn't finite, the first thing from images to logits that isn't: `image 3 of the batch has nan at 7`,
  /// `what layer 'layer1.0.conv2' makes`.
  /// - Parameters:
  ///   - plan: the plan whose input still holds the batch.
  func culprit(in plan: Plan, shape: ImageShape) throws -> String {
    if let pixel = firstNotFinite(UnsafeBufferPointer(plan.input)) {
      return "image \(pixel / shape.count) of the batch has \(plan.input[pixel]) at \(pixel % shape.count)"
    }
    // Parameters were finite after the step before. The same statistics, but the running ones stay.
    let (network, layers) = try withBatchStatistics.withEveryLayerMarked
    let probe = try network.compile(batch: plan.batch, taps: layers.map(\.tap), wants: .nothing)
    _ = probe.input.update(fromContentsOf: plan.input)
    try probe.forward()
    for (tap, layer) in layers {
      let values = probe.value(of: tap)
      // Max-pooling makes the lowest float of what is no number.
      let hidden = values.contains { abs($0) >= .greatestFiniteMagnitude }
      guard hidden || firstNotFinite(values) != nil else { continue }
      return "what \(layer) makes is the first that isn't finite"
    }
    return "what every layer makes is finite"
  }

  /// The same network with a cut behind every layer, and those from input to output, with what messages call the layer.
  private var withEveryLayerMarked: (network: Network, layers: [(tap: TapPoint, layer: String)]) {
    get throws {
      var layers: [(tap: TapPoint, layer: String)] = []
      let marked = segments.enumerated().map { index, segment in
        let first = (segment.start ?? 0) + 1
        let last = segment.end ?? segment.layers.nodes.count - 1
        var nodes = segment.layers.nodes
        for (node, name) in zip(first...last, segment.layers.names[first...last]) {
          let cut = Cut("\(node)")
          nodes[node].cut = cut
          layers.append((.cut(cut, segment: index), name))
        }
        return Segment(
          parameters: segment.parameters, frozen: segment.frozen, statistics: segment.statistics,
          layers: LayerGraph(nodes: nodes), start: segment.start, end: segment.end,
          standardisation: segment.standardisation, name: segment.name)
      }
      return (try Network(segments: marked), layers)
    }
  }
}

extension LayerGraph {
  /// What messages call each layer: `layer 'fc'`, and for one without parameters `the ReLU behind layer 'bn1'`.
  fileprivate var names: [String] {
    var last = "the images"
    return nodes.map { node in
      guard let parameter = node.layer.parameters.first?.name else {
        return "the \(type(of: node.layer)) behind \(last)"
      }
      let name = parameter.lastIndex(of: ".").map { parameter[..<$0] } ?? parameter[...]
      last = "layer '\(name)'"
      return last
    }
  }
}

extension ParameterGradients {
  /// What is wrong with a parameter of that name: its gradient, or how far it moved.
  func cause(of name: String) -> String {
    let gradient = tensor(name)
    let isFinite = gradient.firstNotFinite == nil
    return isFinite ? "'\(name)' is not finite" : "'\(name)' is not finite, nor is its gradient"
  }
}
