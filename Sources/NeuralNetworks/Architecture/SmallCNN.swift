// Owns the layers of the small CNN, the network of the quickstart and of tests.

extension LayerGraph {
  /// Four blocks of 3×3 convolution, batch norm and ReLU, the first three with 2×2 max-pooling; then the
  /// mean over space and a linear classifier. Cuts: `conv1` … `conv4`, each block's output.
  mutating func appendSmallCNN(width: Int, classes: Int) {
    var x = append(Standardise(), [input])
    for (index, channels) in [width, 2 * width, 4 * width, 4 * width].enumerated() {
      x = append(
        Convolution("conv\(index + 1)", from: shape(x)[0], to: channels, kernel: 3, padding: 1), [x])
      x = append(BatchNorm("bn\(index + 1)", channels: channels), [x])
      x = append(ReLU(), [x])
      if index < 3 { x = append(MaxPooling(window: 2), [x]) }
      mark(Cut("conv\(index + 1)"), at: x)
    }
    x = append(GlobalAveragePooling(), [x])
    x = append(Flatten(), [x])
    x = append(Linear("fc", from: 4 * width, to: classes), [x])
  }
}
