// Owns what an augmentation is: a value with its constants, done to one image or to a batch. Which numbers it draws
// depends on seed, epoch and sample alone.

import Tensor

/// What is done to training images at random.
public protocol Augmentation: Sendable {
  /// The word for it, for messages.
  var name: String { get }
  /// Throws where its constants make no sense for images of this shape.
  func validate(for shape: [Int]) throws
  /// Changes one image in place.
  func apply(to image: AugmentedImage, draws: AugmentationDraws)
  /// How images of a batch are mixed once all are there; nil: they aren't.
  /// - Parameters:
  ///   - rows: images in the batch.
  ///   - step: counted over all epochs.
  func mixing(rows: Int, seed: UInt64, step: Int) -> Mixing?
}

extension Augmentation {
  public func validate(for shape: [Int]) throws {}
  public func apply(to image: AugmentedImage, draws: AugmentationDraws) {}
  public func mixing(rows: Int, seed: UInt64, step: Int) -> Mixing? { nil }

  /// `3×32×32`, for messages.
  func extents(_ shape: [Int]) -> String { shape.map(String.init).joined(separator: "×") }
}

/// One image that is being augmented, row-major in [0, 1].
public struct AugmentedImage {
  /// C × H × W.
  public let values: UnsafeMutablePointer<Float>
  public let channels: Int
  public let height: Int
  public let width: Int
  /// The mean of each channel over all images.
  public let mean: [Float]

  public init(
    _ values: UnsafeMutablePointer<Float>, channels: Int, height: Int, width: Int, mean: [Float]
  ) {
    self.values = values
    self.channels = channels
    self.height = height
    self.width = width
    self.mean = mean
  }
}

/// Where an augmentation's random numbers come from.
public struct AugmentationDraws: Sendable {
  public let seed: UInt64
  public let epoch: Int
  /// The sample's index in its half: a sample's augmentation doesn't depend on the batch it falls into.
  public let sample: UInt64

  public init(seed: UInt64, epoch: Int, sample: Int) {
    self.seed = seed
    self.epoch = epoch
    self.sample = UInt64(sample)
  }

  /// The epoch's numbers for a purpose; `sample` is the counter.
  public func stream(_ purpose: Philox.Purpose) -> Philox {
    Philox(seed: seed, purpose: purpose, index: UInt32(epoch))
  }
}

/// How the images of a batch are mixed: each with the one at its partner's place, of which it keeps `share` of its own.
public struct Mixing: Sendable {
  public let share: Float
  public let partners: [Int]

  public init(share: Float, partners: [Int]) {
    self.share = share
    self.partners = partners
  }

  /// Mixes rows of equal size.
  func mix(_ values: UnsafeMutableBufferPointer<Float>) {
    let size = values.count / partners.count
    let before = [Float](values)
    before.withUnsafeBufferPointer { before in
      for (row, partner) in partners.enumerated() {
        let (own, other) = (before.baseAddress! + row * size, before.baseAddress! + partner * size)
        let out = values.baseAddress! + row * size
        for i in 0..<size { out[i] = share * own[i] + (1 - share) * other[i] }
      }
    }
  }
}
