// Owns the joint between datasets, which make batches, and networks, which ask for them.

import Datasets
import NeuralNetworks
import Workflow

/// Batches for training out of a loader that drops the last one if it isn't full.
struct LoadedBatches: BatchSource {
  let loader: BatchLoader
  let shape: ImageShape

  init(_ loader: BatchLoader) throws {
    precondition(loader.options.dropLast, "BUG: training wants full batches")
    self.loader = loader
    shape = try imageShape(loader)
  }

  var batch: Int { loader.options.batch }
  var batchesPerEpoch: Int { loader.stepsPerEpoch }

  func fill(
    epoch: Int, step: Int, images: UnsafeMutableBufferPointer<Float>,
    labels: UnsafeMutableBufferPointer<Int32>
  ) throws {
    loader.fill(epoch: epoch, step: step, into: images, labels: labels)
  }
}

/// Examples in their order, unaugmented.
struct LoadedExamples: ExampleSource {
  let loader: BatchLoader
  let shape: ImageShape

  /// `marking` says which marks are painted where the dataset has a shortcut.
  init(_ dataset: Dataset, split: Split, marking: Marking, limit: Int? = nil) throws {
    loader = try BatchLoader(
      dataset, split: split, options: BatchLoader.Options(batch: 1, marking: marking, limit: limit))
    shape = try imageShape(loader)
  }

  var count: Int { loader.count }

  func fill(
    _ range: Range<Int>, images: UnsafeMutableBufferPointer<Float>, labels: UnsafeMutableBufferPointer<Int32>
  ) throws {
    loader.fill(range, into: images, labels: labels)
  }
}

private func imageShape(_ loader: BatchLoader) throws -> ImageShape {
  let shape = loader.sampleShape
  guard shape.count == 3 else {
    throw InputError(
      message: "networks take images (channels × height × width); the samples have shape \(shape)")
  }
  return ImageShape(channels: shape[0], height: shape[1], width: shape[2])
}
