// Owns what several families are made of, under torchvision's parameter names.

extension LayerGraph {
  /// Stages of basic blocks (He et al. 2016): the first with `width` channels, every later one with twice as many, and
  /// its first block halves height and width. Marks each block's output as a cut: `stage1.0` …
  mutating func appendStages(of blocks: [Int], width: Int, to x: Int) -> Int {
    var x = x
    for (stage, count) in blocks.enumerated() {
      for block in 0..<count {
        x = appendBasicBlock(
          "layer\(stage + 1).\(block)", from: x, channels: width << stage,
          stride: stage > 0 && block == 0 ? 2 : 1)
        mark(Cut("stage\(stage + 1).\(block)"), at: x)
      }
    }
    return x
  }

  /// relu(f(x) + shortcut(x)), f two 3×3 convolutions with batch norm; where shapes differ the shortcut is a strided
  /// 1×1 convolution with batch norm (He et al.'s option B), else nothing.
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

  /// The mean over space and a linear layer to the logits.
  mutating func appendClassifier(_ name: String, of x: Int, classes: Int) {
    var y = append(GlobalAveragePooling(), [x])
    y = append(Flatten(), [y])
    _ = append(Linear(name, from: shape(y)[0], to: classes), [y])
  }
}
