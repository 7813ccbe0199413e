// Owns the family of residual networks for small images (He et al. 2016, section 4.2).

extension ArchitectureFamily {
  static let cifarResNet = ArchitectureFamily(
    CIFARResNet.self, names: ["resnet8", "resnet14", "resnet20", "resnet32", "resnet44", "resnet56"],
    otherNames: "any 6n+2",
    summary: "residual networks for small images, three stages (He et al. 2016, section 4.2)")
}

/// A 3×3 stem, three stages of (depth − 2)/6 basic blocks, the mean over space, a linear classifier. Cuts: `stem`, then
/// each block's output as `stage1.0` …
private struct CIFARResNet: NetworkDesign {
  let blocks: Int
  var width = 16

  init?(name: String) {
    guard name.hasPrefix("resnet"), let depth = Int(name.dropFirst(6)), depth >= 8, depth <= 1202,
      depth % 6 == 2, name == "resnet\(depth)"
    else { return nil }
    blocks = (depth - 2) / 6
  }

  static var parameters: [DesignParameter<CIFARResNet>] {
    [.integer("width", "channels of the stem; each later stage doubles them", 1...1024, \.width)]
  }

  func layers(input: ImageShape, classes: Int) -> LayerGraph {
    var graph = LayerGraph(input: input)
    var x = graph.append(Standardise(), [graph.input])
    x = graph.append(Convolution("conv1", from: input.channels, to: width, kernel: 3, padding: 1), [x])
    x = graph.append(BatchNorm("bn1", channels: width), [x])
    x = graph.append(ReLU(), [x])
    graph.mark(Cut("stem"), at: x)
    x = graph.appendStages(of: [blocks, blocks, blocks], width: width, to: x)
    graph.appendClassifier("fc", of: x, classes: classes)
    return graph
  }
}
