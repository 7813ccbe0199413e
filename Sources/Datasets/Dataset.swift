// Owns what a dataset is: two halves, each of which stands for itself, so that what reads one is not touched by a
// change of the other. How they lie in files is in DatasetFiles.swift; batches are BatchLoader.swift's.
import Foundation

/// A dataset in memory (or mapped).
public struct Dataset: Sendable {
  public var train: Half?
  public var test: Half?

  /// A dataset of new samples. `classes` counts over both halves; 0 where there are no labels.
  public init(
    name: String, classes: Int, classNames: [String]? = nil, train: Samples?, test: Samples?
  ) {
    func half(_ split: Split, _ samples: Samples?) -> Half? {
      samples.map { Half(of: name, split, classes: classes, classNames: classNames, samples: $0) }
    }
    self.train = half(.train, train)
    self.test = half(.test, test)
  }
}

/// The halves of a dataset.
public enum Split: String, Sendable, CaseIterable {
  case train, test
}

/// One half of a dataset: samples, and all that a reader must know of them.
public struct Half: Sendable {
  public var description: HalfDescription
  public let samples: Samples

  init(description: HalfDescription, samples: Samples) {
    self.description = description
    self.samples = samples
  }

  /// A half of new samples; statistics are computed.
  public init(
    of dataset: String, _ split: Split, classes: Int, classNames: [String]? = nil, samples: Samples
  ) {
    precondition(classNames.map { $0.count == classes } ?? true, "BUG: \(classNames!) for \(classes) classes")
    self.init(
      description: HalfDescription(
        dataset: dataset, split: split, count: samples.count, sampleShape: samples.sampleShape,
        classes: classes, classNames: classNames, channels: ChannelStatistics(of: samples), shortcut: nil),
      samples: samples)
  }
}

/// What there is to know of a half without its samples; `description.json`.
public struct HalfDescription: Sendable, Hashable {
  /// The dataset's name, for messages.
  public var dataset: String
  public var split: Split
  public var count: Int
  /// One sample's shape: [C, H, W] for images, [D] for vectors.
  public var sampleShape: [Int]
  /// How many classes labels count over, from 0, in both halves; 0 where there are no labels.
  public var classes: Int
  /// What the classes are called, one for each; nil where that isn't known.
  public var classNames: [String]? = nil
  /// Of this half's own images in [0, 1], nil where samples are no images. Loaders never apply it: standardisation
  /// belongs to the model.
  public var channels: ChannelStatistics?
  /// Painted over images by the loader, after augmentation.
  public var shortcut: Shortcut?

  /// What messages call it: `cifar10/train`.
  public var name: String { "\(dataset)/\(split)" }

  /// Whether samples are images, [C, H, W].
  public var isImages: Bool { sampleShape.count == 3 }
}

/// Data that can't be used as asked. The message says which, what was found and what was expected.
public struct DatasetError: Error, Hashable, Sendable, CustomStringConvertible {
  public let description: String

  public init(_ description: String) { self.description = description }

  init(_ file: URL, _ problem: String) { description = "\(file.path): \(problem)" }
}
