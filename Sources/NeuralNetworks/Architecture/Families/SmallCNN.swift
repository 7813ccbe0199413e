// Owns the family of the small CNN, the network of the quickstart and of tests.

extension ArchitectureFamily {
  static let smallCNN = ArchitectureFamily(
    SmallCNN.self, names: ["small_cnn"],
    summary: "four 3×3 convolutions with batch norm, the first three with max-pooling")
}

/// Four blocks of 3×3 convolution, batch norm and ReLU, the first three with 2×2 max-pooling; then the mean over space
/// and a linear classifier. Cuts: `conv1` … `conv4`, each block's output.
private struct SmallCNN: NetworkDesign {
  var width = 16

  init?(name: String) {
    guard name == "small_cnn" else { return nil }
  }

  static var parameters: [DesignParameter<SmallCNN>] {
    [.integer("width", "channels of the first layer; later ones are multiples of it", 1...1024, \.width)]
  }

  func layers(input: ImageShape, classes: Int) -> LayerGraph {
    var graph = LayerGraph(input: input)
    var x = graph.append(Standardise(), [graph.input])
    for (index, channels) in [width, 2 * width, 4 * width, 4 * width].enumerated() {
      let block = "\(index + 1)"
      x = graph.append(
        Convolution("conv\(block)", from: graph.shape(x)[0], to: channels, kernel: 3, padding: 1), [x])
      x = graph.append(BatchNorm("bn\(block)", channels: channels), [x])
      x = graph.append(ReLU(), [x])
      if index < 3 { x = graph.append(MaxPooling(window: 2), [x]) }
      graph.mark(Cut("conv\(block)"), at: x)
    }
    graph.appendClassifier("fc", of: x, classes: classes)
    return graph
  }
}
