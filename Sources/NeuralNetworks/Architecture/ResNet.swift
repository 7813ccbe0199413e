// Owns the layers of the residual networks for small images (He et al. 2016, section 4.2), under
// torchvision's parameter names.

extension LayerGraph {
  /// A 3×3 stem, three stages of `blocks` basic blocks (the second and third halve the image and double the
  /// channels; their first block's shortcut is a strided 1×1 convolution with batch norm), the mean over
  /// space, a linear classifier. Cuts: `stem`, then each block's output as `stage1.0` …
  mutating func appendResNet(blocks: Int, width: Int, classes: Int) {
    var x = append(Standardise(), [input])
    x = append(Convolution("conv1", from: shape(x)[0], to: width, kernel: 3, padding: 1), [x])
    x = append(BatchNorm("bn1", channels: width), [x])
    x = append(ReLU(), [x])
    mark(Cut("stem"), at: x)
    for stage in 0..<3 {
      for block in 0..<blocks {
        x = appendBasicBlock(
          "layer\(stage + 1).\(block)", from: x, channels: width << stage,
          stride: stage > 0 && block == 0 ? 2 : 1)
        mark(Cut("stage\(stage + 1).\(block)"), at: x)
      }
    }
    x = append(GlobalAveragePooling(), [x])
    x = append(Flatten(), [x])
    x = append(Linear("fc", from: width << 2, to: classes), [x])
  }

  private mutating func appendBasicBlock(_ name: String, from x: Int, channels: Int, stride: Int) -> Int {
    let inputs = shape(x)[0]
    var y = append(
      Convolution("\(name).conv1", from: inputs, to: channels, kernel: 3, stride: stride, padding: 1), [x])
    y = append(BatchNorm("\(name).bn1", channels: channels), [y])
    y = append(ReLU(), [y])
    y = append(Convolution("\(name).conv2", from: channels, to: channels, kernel: 3, padding: 1), [y])
    y = append(BatchNorm("\(name).bn2", channels: channels), [y])
    var shortcut = x
    if stride != 1 || inputs != channels {
      shortcut = append(
        Convolution("\(name).downsample.0", from: inputs, to: channels, kernel: 1, stride: stride), [x])
      shortcut = append(BatchNorm("\(name).downsample.1", channels: channels), [shortcut])
    }
    return append(ReLU(), [append(Add(), [y, shortcut])])
  }
}
