// Owns the family of residual networks for small images (He et al. 2016, section 4.2).

import Tensor

extension ArchitectureFamily {
  static let cifarResNet = ArchitectureFamily(
    CIFARResNet.self, names: ["resnet8", "resnet14", "resnet20", "resnet32", "resnet44", "resnet56"],
    otherNames: "any 6n+2 but 50 and 152",
    summary: "residual networks for small images, three stages (He et al. 2016, section 4.2)")
}

/// A 3×3 stem, three stages of (depth − 2)/6 basic blocks, the mean over space, a linear classifier. Cuts: `stem`, then
/// each block's output as `stage1.0` …
private struct CIFARResNet: NetworkDesign {
  let blocks: Int
  var width = 16

  init?(name: String) {
    guard name.hasPrefix("resnet"), let depth = Int(name.dropFirst(6)), depth >= 8, depth <= 1202,
      depth % 6 == 2, name == "resnet\(depth)", !CIFARResNet.othersDepths.contains(depth)
    else { return nil }
    blocks = (depth - 2) / 6
  }

  /// What everybody takes for ImageNet's networks of bottlenecks (ibid., table 1), which there aren't here.
  private static let othersDepths = [50, 152]

  static var parameters: [DesignParameter<CIFARResNet>] {
    [.integer("width", "channels of the stem; each later stage doubles them", 1...1024, \.width)]
  }

  /// Files of networks whose shortcuts have no parameters (He et al.'s option A: every other pixel, channels of zeros
  /// around) are taken as well: a 1×1 convolution that copies channels and a batch norm that does nothing compute the
  /// same. As in the most used program with them, half of the new channels lie before the others.
  var namings: [ParameterNaming] {
    [
      .shortcutAndLinear,
      ParameterNaming(
        "linear, shortcuts without parameters",
        constant: { name, shape in name.contains(".downsample.") ? paddedShortcut(name, shape) : nil },
        foreign: ParameterNaming.shortcutAndLinear.foreign),
      ParameterNaming(
        "shortcuts without parameters",
        constant: { name, shape in name.contains(".downsample.") ? paddedShortcut(name, shape) : nil },
        foreign: { $0 }),
    ]
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

/// A tensor of the 1×1 convolution and the batch norm by which an option A shortcut is computed.
private func paddedShortcut(_ name: String, _ shape: [Int]) -> Tensor {
  Tensor(shape: shape) { values in
    values.initialize(repeating: 0)
    if shape.count == 4 {
      let (outputs, inputs) = (shape[0], shape[1])
      for i in 0..<inputs { values[((outputs - inputs) / 2 + i) * inputs + i] = 1 }
    } else if name.hasSuffix(".weight") {
      values.update(repeating: 1)
    } else if name.hasSuffix(".running_var") {
      // What the norm adds to the variance makes it 1.
      values.update(repeating: 1 - BatchNorm.epsilon)
    }
  }
}
