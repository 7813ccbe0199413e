// Owns CIFAR-100 in its binary version: its files, its two sets of labels, and what they are called.
import Foundation

/// CIFAR-100.
public enum CIFAR100 {
  public static let shape = CIFARRecords.shape

  /// Which labels: a record has both.
  public enum Labels: String, Sendable, CaseIterable {
    /// 100 classes.
    case fine
    /// 20 classes of five fine ones each.
    case coarse

    /// What they are called, as fine_label_names.txt and coarse_label_names.txt have them.
    public var classNames: [String] { self == .fine ? fineNames : coarseNames }
  }

  /// Whether a file of this name is one that is read.
  public static func reads(_ name: String) -> Bool { name == "train.bin" || name == "test.bin" }

  /// Reads `train.bin` and `test.bin`.
  ///
  /// - Parameters:
  ///   - train: how many training images to keep, from the first; nil for all.
  ///   - test: likewise of the test images.
  public static func read(
    directory: URL, labels: Labels = .fine, train: Int? = nil, test: Int? = nil
  ) throws -> Dataset {
    func half(_ name: String, _ limit: Int?) throws -> Samples {
      let file = directory.appending(path: name)
      return try records(labels).samples(in: [file], limit: limit, name: file.path)
    }
    let names = labels.classNames
    try requireFiles(in: directory)
    return Dataset(
      name: "cifar100", classes: names.count, classNames: names, train: try half("train.bin", train),
      test: try half("test.bin", test))
  }

  /// How many images each half has, as the files' sizes tell, and the images' shape.
  public static func headers(directory: URL) throws -> (train: Int, test: Int, shape: [Int]) {
    try requireFiles(in: directory)
    func count(_ name: String) throws -> Int {
      try records(.fine).count(in: directory.appending(path: name))
    }
    return (try count("train.bin"), try count("test.bin"), shape)
  }

  private static func requireFiles(in directory: URL) throws {
    for name in ["train.bin", "test.bin"]
    where !FileManager.default.fileExists(atPath: directory.appending(path: name).path) {
      throw DatasetError(directory, "has no \(name) (CIFAR-100's binary version)")
    }
  }

  private static func records(_ labels: Labels) -> CIFARRecords {
    CIFARRecords(labels: [coarseNames.count, fineNames.count], label: labels == .coarse ? 0 : 1)
  }
}

private let coarseNames = [
  "aquatic_mammals", "fish", "flowers", "food_containers", "fruit_and_vegetables",
  "household_electrical_devices", "household_furniture", "insects", "large_carnivores",
  "large_man-made_outdoor_things", "large_natural_outdoor_scenes", "large_omnivores_and_herbivores",
  "medium_mammals", "non-insect_invertebrates", "people", "reptiles", "small_mammals", "trees", "vehicles_1",
  "vehicles_2",
]

private let fineNames = [
  "apple", "aquarium_fish", "baby", "bear", "beaver", "bed", "bee", "beetle", "bicycle", "bottle", "bowl",
  "boy",
  "bridge", "bus", "butterfly", "camel", "can", "castle", "caterpillar", "cattle", "chair", "chimpanzee",
  "clock",
  "cloud", "cockroach", "couch", "crab", "crocodile", "cup", "dinosaur", "dolphin", "elephant", "flatfish",
  "forest", "fox", "girl", "hamster", "house", "kangaroo", "keyboard", "lamp", "lawn_mower", "leopard",
  "lion",
  "lizard", "lobster", "man", "maple_tree", "motorcycle", "mountain", "mouse", "mushroom", "oak_tree",
  "orange",
  "orchid", "otter", "palm_tree", "pear", "pickup_truck", "pine_tree", "plain", "plate", "poppy", "porcupine",
  "possum", "rabbit", "raccoon", "ray", "road", "rocket", "rose", "sea", "seal", "shark", "shrew", "skunk",
  "skyscraper", "snail", "snake", "spider", "squirrel", "streetcar", "sunflower", "sweet_pepper", "table",
  "tank",
  "telephone", "television", "tiger", "tractor", "train", "trout", "tulip", "turtle", "wardrobe", "whale",
  "willow_tree", "wolf", "woman", "worm",
]
