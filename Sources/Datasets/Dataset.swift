// Owns what a dataset is: samples with labels in up to two splits, and a description small enough to read. How
// it lies in files is in DatasetFiles.swift; batches are BatchLoader.swift's.
import Foundation

/// A dataset in memory (or mapped): its description and its splits.
public struct Dataset: Sendable {
  public var description: DatasetDescription
  public var train: Samples?
  public var test: Samples?

  /// `description.channels` is computed from the training images where it is nil and they are uint8.
  public init(description: DatasetDescription, train: Samples?, test: Samples?) {
    self.description = description
    self.train = train
    self.test = test
    if self.description.channels == nil {
      self.description.channels = (train ?? test).flatMap(ChannelStatistics.init(of:))
    }
  }

  /// The samples of a split; a split that isn't there is an error.
  public func samples(_ split: Split) throws -> Samples {
    guard let samples = split == .train ? train : test else {
      throw DatasetError("dataset '\(description.name)' has no \(split.rawValue) split")
    }
    return samples
  }
}

/// The halves of a dataset.
public enum Split: String, Sendable, Codable, CaseIterable {
  case train, test
}

/// What there is to know of a dataset without its samples; `dataset.json`.
public struct DatasetDescription: Sendable, Codable, Hashable {
  public var name: String
  /// One sample's shape: [C, H, W] for images, [D] for vectors.
  public var sampleShape: [Int]
  /// How many classes labels count over, from 0; 0 where there are no labels.
  public var classes: Int
  /// Per-channel mean and standard deviation of the training images in [0, 1]. Loaders never apply it: it
  /// belongs to the model.
  public var channels: ChannelStatistics?
  /// Painted over images by the loader, after augmentation.
  public var shortcut: Shortcut?

  public init(
    name: String, sampleShape: [Int], classes: Int, channels: ChannelStatistics? = nil,
    shortcut: Shortcut? = nil
  ) {
    self.name = name
    self.sampleShape = sampleShape
    self.classes = classes
    self.channels = channels
    self.shortcut = shortcut
  }

  /// Whether samples are images, [C, H, W].
  public var isImages: Bool { sampleShape.count == 3 }
}

/// Channel means and standard deviations, in the unit of pixels in [0, 1].
public struct ChannelStatistics: Sendable, Codable, Hashable {
  public var mean: [Double]
  public var deviation: [Double]

  public init(mean: [Double], deviation: [Double]) {
    self.mean = mean
    self.deviation = deviation
  }

  /// Of uint8 images, exactly; nil for others, and where a channel is constant.
  public init?(of samples: Samples) {
    guard samples.sampleShape.count == 3, case .bytes(let data) = samples.values, samples.count > 0 else {
      return nil
    }
    let channels = samples.sampleShape[0]
    let plane = samples.sampleShape[1] * samples.sampleShape[2]
    var sums = [UInt64](repeating: 0, count: channels)
    var squares = sums
    data.withUnsafeBytes { raw in
      for image in 0..<samples.count {
        for channel in 0..<channels {
          let start = (image * channels + channel) * plane
          var (sum, square): (UInt32, UInt32) = (0, 0)
          for i in start..<(start + plane) {
            let value = UInt32(raw[i])
            sum &+= value
            square &+= value &* value
            // A plane of 66,000 pixels or more would overflow 32 bits of squares.
            if square > 1 << 31 {
              squares[channel] += UInt64(square)
              square = 0
            }
          }
          sums[channel] += UInt64(sum)
          squares[channel] += UInt64(square)
        }
      }
    }
    let n = Double(samples.count * plane)
    mean = sums.map { Double($0) / n / 255 }
    deviation = zip(sums, squares).map { sum, square in
      let mean = Double(sum) / n
      return (Double(square) / n - mean * mean).squareRoot() / 255
    }
    if deviation.contains(where: { !($0 > 0) }) { return nil }
  }
}

/// Data that can't be used as asked. The message says which, what was found and what was expected.
public struct DatasetError: Error, Hashable, Sendable, CustomStringConvertible {
  public let description: String

  public init(_ description: String) { self.description = description }

  init(_ file: URL, _ problem: String) { description = "\(file.path): \(problem)" }
}
