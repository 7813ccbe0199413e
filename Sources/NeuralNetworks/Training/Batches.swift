// Owns what training and evaluation ask of their data. It deliberately doesn't know where images come from.

/// Batches for training: every call for the same place gives the same bits.
public protocol BatchSource {
  /// The images' shape.
  var shape: ImageShape { get }
  /// Images in a batch; every batch has as many.
  var batch: Int { get }
  /// Batches in an epoch; a smaller rest is left out.
  var batchesPerEpoch: Int { get }
  /// Writes the images (NCHW, in [0, 1]) and labels of one batch.
  func fill(
    epoch: Int, step: Int, images: UnsafeMutableBufferPointer<Float>,
    labels: UnsafeMutableBufferPointer<Int32>) throws
}

/// Examples in a fixed order, for evaluation.
public protocol ExampleSource {
  /// The images' shape.
  var shape: ImageShape { get }
  /// The number of examples.
  var count: Int { get }
  /// Writes the images (NCHW, in [0, 1]) and labels of a range of examples to the buffers' beginnings.
  func fill(
    _ range: Range<Int>, images: UnsafeMutableBufferPointer<Float>,
    labels: UnsafeMutableBufferPointer<Int32>) throws
}
