// Owns the family of multilayer perceptrons.

extension ArchitectureFamily {
  static let mlp = ArchitectureFamily(
    MLP.self, names: ["mlp"], summary: "fully connected layers with ReLU over an image's pixels")
}

/// Hidden linear layers with ReLU over the flattened image, then a linear classifier. Cuts: `hidden1` …, each hidden
/// layer's output, a vector. Names are those of torchvision.ops.MLP.
private struct MLP: NetworkDesign {
  var width = 512
  var depth = 3

  init?(name: String) {
    guard name == "mlp" else { return nil }
  }

  static var parameters: [DesignParameter<MLP>] {
    [
      .integer("width", "units of each hidden layer", 1...65_536, \.width),
      .integer("depth", "hidden layers", 1...64, \.depth),
    ]
  }

  var smallestSide: Int { 1 }

  /// Torchvision counts a linear layer, its ReLU and its dropout.
  private func name(_ layer: Int) -> String { "\(3 * layer)" }

  var namings: [ParameterNaming] {
    [
      ParameterNaming("fc1, fc2 …") { [depth] name in
        (0...depth).reduce(name) { $0.replacingPrefix("\(self.name($1)).", with: "fc\($1 + 1).") }
      }
    ]
  }

  func layers(input: ImageShape, classes: Int) -> LayerGraph {
    var graph = LayerGraph(input: input)
    var x = graph.append(Standardise(), [graph.input])
    x = graph.append(Flatten(), [x])
    for layer in 0..<depth {
      x = graph.append(Linear(name(layer), from: graph.shape(x)[0], to: width), [x])
      x = graph.append(ReLU(), [x])
      graph.mark(Cut("hidden\(layer + 1)"), at: x)
    }
    _ = graph.append(Linear(name(depth), from: width, to: classes), [x])
    return graph
  }
}
