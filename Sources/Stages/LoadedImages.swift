// Owns the joint between a dataset's half, which makes batches, and networks, which ask for them; and the checks that
// the two belong together.

import Datasets
import NeuralNetworks
import Stitching
import Workflow

/// Images of one half as networks take them: in batches for training, and one after the other, unaugmented.
struct LoadedImages: FittingSource {
  let loader: BatchLoader
  let shape: ImageShape

  /// Throws where samples aren't images.
  init(_ half: Half, options: BatchLoader.Options) throws {
    let shape = half.description.sampleShape
    guard shape.count == 3 else {
      throw InputError(
        message:
          "networks take images (channels × height × width), \(half.description.name) has samples of shape "
          + "\(shape)")
    }
    loader = try BatchLoader(half, options: options)
    self.shape = ImageShape(channels: shape[0], height: shape[1], width: shape[2])
  }

  /// The first `samples` images of a half (nil: all), to be looked at one after the other.
  init(of half: InputArtifact, marking: Marking, samples: Int?) throws {
    try self.init(Half(half), options: BatchLoader.Options(batch: 1, marking: marking, limit: samples))
  }

  var name: String { loader.half.name }
  var count: Int { loader.count }
  /// What the classes are called; nil where the dataset doesn't say it.
  var classNames: [String]? { loader.half.classNames }
  /// Nil where there are no labels.
  var classes: Int? { loader.hasLabels ? loader.half.classes : nil }
  var batch: Int { loader.options.batch }
  var batchesPerEpoch: Int { loader.stepsPerEpoch }
  var isFixed: Bool { loader.isFixed }

  /// The loader's choices, spelled out.
  var identity: AnyHashable { String(reflecting: loader.options) }

  func indices(epoch: Int, step: Int) -> [Int] { loader.indices(epoch: epoch, step: step) }

  func fill(
    epoch: Int, step: Int, images: UnsafeMutableBufferPointer<Float>,
    labels: UnsafeMutableBufferPointer<Int32>
  ) throws {
    loader.fill(epoch: epoch, step: step, into: images, labels: labels)
  }

  func mixTargets(
    _ targets: UnsafeMutableBufferPointer<Float>, classes: Int, epoch: Int, step: Int
  ) {
    loader.mixTargets(targets, epoch: epoch, step: step)
  }

  func fill(
    _ range: Range<Int>, images: UnsafeMutableBufferPointer<Float>, labels: UnsafeMutableBufferPointer<Int32>
  ) throws {
    loader.fill(range, into: images, labels: labels)
  }
}

extension LoadedImages {
  /// Throws unless a network takes images of this size. `role` is what messages call it: `the front`.
  func requireSize(of network: Architecture, _ role: String) throws {
    guard network.input == shape else {
      throw InputError(message: "\(role) wants \(network.input) images, \(name) has \(shape)")
    }
  }

  /// Throws unless there are labels. `purpose` is what needs them: `training`.
  func requireLabels(for purpose: String) throws {
    guard loader.hasLabels else {
      throw InputError(
        message:
          "\(purpose) needs labels, \(name) has none; dataset/arrays takes them from an array 'labels' of a folder's file, from '\(loader.half.split)_labels' of a single file, or from "
          + "\(loader.half.split).labels.npy")
    }
  }

  /// Throws where a class has no image: its output would be trained to stay low, and its accuracy be 0.
  func requireImagesOfAllClasses() throws {
    let empty = loader.emptyClasses
    guard let first = empty.first else { return }
    let which =
      empty.count == 1 ? "class \(first)" : "classes \(empty.map(String.init).joined(separator: ", "))"
    throw InputError(
      message:
        "\(name) has no image of \(which) among the \(count) that training uses; take more of them, or a dataset "
        + "without \(empty.count == 1 ? "it" : "them")")
  }

  /// Throws unless there are labels, of no more classes than a network tells apart.
  func requireLabels(of network: Architecture, _ role: String, for purpose: String) throws {
    try requireLabels(for: purpose)
    guard loader.half.classes <= network.classes else {
      throw InputError(
        message:
          "\(role) tells \(network.classes) classes apart, \(name) has labels of \(loader.half.classes)")
    }
  }
}
