// Owns the family of residual networks of four stages (He et al. 2016, table 1).

extension ArchitectureFamily {
  static let resNet = ArchitectureFamily(
    ResNet.self, names: ["resnet18", "resnet34"],
    summary: "residual networks of four stages (He et al. 2016, table 1)")
}

/// A stem, four stages of basic blocks, the mean over space, a linear classifier. Cuts: `stem` (what the first stage
/// takes), then each block's output as `stage1.0` …
private struct ResNet: NetworkDesign {
  /// Where images become channels.
  enum Stem: String, CaseIterable {
    /// A 3×3 convolution, for small images.
    case cifar
    /// A 7×7 convolution of stride 2 and max-pooling, which leave a quarter of height and width: torchvision's.
    case imagenet
  }

  let blocks: [Int]
  var width = 64
  var stem = Stem.cifar

  init?(name: String) {
    switch name {
    case "resnet18": blocks = [2, 2, 2, 2]
    case "resnet34": blocks = [3, 4, 6, 3]
    default: return nil
    }
  }

  static var parameters: [DesignParameter<ResNet>] {
    [
      .integer("width", "channels of the stem; each later stage doubles them", 1...1024, \.width),
      .choice(
        "stem", "cifar: a 3×3 convolution; imagenet: torchvision's 7×7 of stride 2 and max-pooling", \.stem),
    ]
  }

  var smallestSide: Int {
    switch stem {
    case .cifar: 8
    case .imagenet: 32
    }
  }

  var namings: [ParameterNaming] { [.shortcutAndLinear] }

  func layers(input: ImageShape, classes: Int) -> LayerGraph {
    var graph = LayerGraph(input: input)
    var x = graph.append(Standardise(), [graph.input])
    let first =
      switch stem {
      case .cifar: Convolution("conv1", from: input.channels, to: width, kernel: 3, padding: 1)
      case .imagenet:
        Convolution("conv1", from: input.channels, to: width, kernel: 7, stride: 2, padding: 3)
      }
    x = graph.append(first, [x])
    x = graph.append(BatchNorm("bn1", channels: width), [x])
    x = graph.append(ReLU(), [x])
    if stem == .imagenet { x = graph.append(MaxPooling(window: 3, stride: 2, padding: 1), [x]) }
    graph.mark(Cut("stem"), at: x)
    x = graph.appendStages(of: blocks, width: width, to: x)
    graph.appendClassifier("fc", of: x, classes: classes)
    return graph
  }
}
