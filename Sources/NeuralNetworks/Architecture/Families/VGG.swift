// Owns the family of VGG networks with batch norm (Simonyan & Zisserman 2015, configurations A, B, D, E).

extension ArchitectureFamily {
  static let vgg = ArchitectureFamily(
    VGG.self, names: ["vgg11_bn", "vgg13_bn", "vgg16_bn", "vgg19_bn"],
    summary:
      "VGG with batch norm and one linear classifier, as is usual for small images (Simonyan & Zisserman 2015)"
  )
}

/// Five blocks of 3×3 convolutions (with bias) with batch norm and ReLU, each followed by 2×2 max-pooling; then the mean
/// over space and one linear layer, where the original has three over 7×7 places. Cuts: the first convolution's ReLU
/// and each block's last one, by torchvision's index: `features.2`, `features.5` …
private struct VGG: NetworkDesign {
  /// Convolutions of each block.
  let blocks: [Int]
  var width = 64

  init?(name: String) {
    switch name {
    case "vgg11_bn": blocks = [1, 1, 2, 2, 2]
    case "vgg13_bn": blocks = [2, 2, 2, 2, 2]
    case "vgg16_bn": blocks = [2, 2, 3, 3, 3]
    case "vgg19_bn": blocks = [2, 2, 4, 4, 4]
    default: return nil
    }
  }

  static var parameters: [DesignParameter<VGG>] {
    [
      .integer(
        "width", "channels of the first block; the last two have eight times as many", 1...1024, \.width)
    ]
  }

  /// Five times halved, one pixel is left.
  var smallestSide: Int { 32 }

  var namings: [ParameterNaming] {
    [ParameterNaming("a classifier in a list") { $0.replacingPrefix("classifier.", with: "classifier.0.") }]
  }

  func layers(input: ImageShape, classes: Int) -> LayerGraph {
    var graph = LayerGraph(input: input)
    var x = graph.append(Standardise(), [graph.input])
    // Torchvision counts layers.
    var index = 0
    for (block, convolutions) in blocks.enumerated() {
      let channels = width << min(block, 3)
      for convolution in 0..<convolutions {
        x = graph.append(
          Convolution(
            "features.\(index)", from: graph.shape(x)[0], to: channels, kernel: 3, padding: 1, hasBias: true),
          [x])
        x = graph.append(BatchNorm("features.\(index + 1)", channels: channels), [x])
        x = graph.append(ReLU(), [x])
        if index == 0 || convolution == convolutions - 1 {
          graph.mark(Cut("features.\(index + 2)"), at: x)
        }
        index += 3
      }
      x = graph.append(MaxPooling(window: 2), [x])
      index += 1
    }
    graph.appendClassifier("classifier", of: x, classes: classes)
    return graph
  }
}
