// Owns the square that is cut out of an image.

import Tensor

/// Fills a square around a random pixel with the images' mean colour; what lies beyond the border falls away (DeVries &
/// Taylor 2017, whose code cuts out of standardised images, where the mean is 0).
public struct Cutout: Augmentation, Hashable {
  /// The square's side, in pixels.
  public var size: Int

  public init(size: Int = 16) { self.size = size }

  public var name: String { "cutout" }

  public func validate(for shape: [Int]) throws {
    guard size >= 1, size <= 2 * max(shape[1], shape[2]) else {
      throw DatasetError(
        "cutout: a square of \(size) pixels for images of \(extents(shape)), expected 1 to \(2 * max(shape[1], shape[2]))"
      )
    }
  }

  public func apply(to image: AugmentedImage, draws: AugmentationDraws) {
    let pixel = draws.stream(.cutouts).integer(at: draws.sample, below: image.height * image.width)
    let (top, left) = (pixel / image.width - size / 2, pixel % image.width - size / 2)
    let columns = max(left, 0)..<min(left + size, image.width)
    for channel in 0..<image.channels {
      for y in max(top, 0)..<min(top + size, image.height) {
        let row = image.values + (channel * image.height + y) * image.width
        (row + columns.lowerBound).update(repeating: image.mean[channel], count: columns.count)
      }
    }
  }
}
