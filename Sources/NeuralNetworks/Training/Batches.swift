// Owns what training and evaluation ask of their data, and the one way through all of it. It deliberately
// doesn't know where images come from.

/// Batches for training: every call for the same place gives the same bits.
public protocol BatchSource {
  /// The images' shape.
  var shape: ImageShape { get }
  /// How many classes the labels count over, from 0; nil where there are no labels.
  var classes: Int? { get }
  /// Images in a batch; every batch has as many.
  var batch: Int { get }
  /// Batches in an epoch; a smaller rest is left out.
  var batchesPerEpoch: Int { get }
  /// Writes the images (batch × C × H × W, in [0, 1]) and labels (batch) of one batch; without labels, zeros.
  func fill(
    epoch: Int, step: Int, images: UnsafeMutableBufferPointer<Float>,
    labels: UnsafeMutableBufferPointer<Int32>) throws
  /// Where images of a batch are mixed with others, gives them their shares of the others' labels.
  /// - Parameter targets: batch × classes, with 1 for each image's own label and 0 elsewhere.
  func mixTargets(_ targets: UnsafeMutableBufferPointer<Float>, classes: Int, epoch: Int, step: Int)
}

extension BatchSource {
  public func mixTargets(
    _ targets: UnsafeMutableBufferPointer<Float>, classes: Int, epoch: Int, step: Int
  ) {}
}

/// Examples in a fixed order, for evaluation.
public protocol ExampleSource {
  /// The images' shape.
  var shape: ImageShape { get }
  /// How many classes the labels count over, from 0; nil where there are no labels.
  var classes: Int? { get }
  /// The number of examples.
  var count: Int { get }
  /// Writes the images (range.count × C × H × W, in [0, 1]) and labels of a range of examples to the buffers'
  /// beginnings; without labels, zeros.
  func fill(
    _ range: Range<Int>, images: UnsafeMutableBufferPointer<Float>,
    labels: UnsafeMutableBufferPointer<Int32>) throws
}

extension ExampleSource {
  /// Goes through all examples in their order, `size` at a time: `body` gets which ones, and buffers that hold
  /// them; what is left of the last batch is zero.
  /// - Parameter isCancelled: asked before each batch; when true, throws `CancellationError`.
  package func forEachBatch(
    of size: Int, isCancelled: () -> Bool = { false }, _ body: (Range<Int>, ExampleBuffers) throws -> Void
  ) throws {
    let buffers = ExampleBuffers(batch: size, shape: shape)
    for start in stride(from: 0, to: count, by: size) {
      if isCancelled() { throw CancellationError() }
      let range = start..<min(start + size, count)
      if range.count < size {
        buffers.images.update(repeating: 0)
        buffers.labels.update(repeating: 0)
      }
      try fill(range, images: buffers.images, labels: buffers.labels)
      try body(range, buffers)
    }
  }
}

/// Room for one batch of examples.
package final class ExampleBuffers {
  /// Batch × C × H × W.
  package let images: UnsafeMutableBufferPointer<Float>
  /// Room for an attack's starting point, as large.
  package let clean: UnsafeMutableBufferPointer<Float>
  package let labels: UnsafeMutableBufferPointer<Int32>

  package init(batch: Int, shape: ImageShape) {
    let count = batch * shape.count
    images = UnsafeMutableBufferPointer(start: allocateFloats(count), count: count)
    clean = UnsafeMutableBufferPointer(start: allocateFloats(count), count: count)
    labels = .allocate(capacity: batch)
    labels.initialize(repeating: 0)
  }

  deinit {
    UnsafeMutableRawPointer(images.baseAddress!).deallocate()
    UnsafeMutableRawPointer(clean.baseAddress!).deallocate()
    labels.deallocate()
  }
}

extension Network {
  /// - Throws: `NetworkError` naming both sizes where the images aren't what the network takes.
  package func requireImages(of shape: ImageShape) throws {
    guard inputShape == .image(shape) else {
      throw NetworkError("the images are \(shape), but \(segments[0].name) takes \(inputShape)")
    }
  }
}

/// What a loss on labels, an attack or an accuracy needs.
package enum Labels {
  /// - Parameters:
  ///   - classes: how many the data's labels count over; nil where they have none.
  ///   - known: how many the network tells apart.
  ///   - use: what needs the labels, for the error.
  /// - Throws: `NetworkError` where there are no labels, or some beyond the network's classes.
  package static func require(_ classes: Int?, within known: Int, for use: String) throws {
    guard let classes else { throw NetworkError("the images have no labels, which \(use) needs") }
    guard classes <= known else {
      throw NetworkError(
        "the images' labels count over \(classes) classes, but the network tells \(known) apart; train it on "
          + "these classes, or take other images")
    }
  }

  /// - Throws: `NetworkError` where a source gives a label that it said it doesn't have.
  package static func check(_ labels: UnsafeBufferPointer<Int32>, within classes: Int) throws {
    guard let wrong = labels.first(where: { $0 < 0 || $0 >= classes }) else { return }
    throw NetworkError("the images have a label \(wrong), but the network tells \(classes) classes apart")
  }
}
