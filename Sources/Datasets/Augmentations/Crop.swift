// Owns the random crop of the padded image.

import Foundation
import Tensor

/// A crop of the image's own size at a random place of the image padded with black on every side (He et al. 2016: four
/// pixels).
public struct Crop: Augmentation, Hashable {
  /// How many pixels of black each side gets.
  public var padding: Int

  public init(padding: Int = 4) { self.padding = padding }

  public var name: String { "crop" }

  public func validate(for shape: [Int]) throws {
    guard padding >= 1, padding <= min(shape[1], shape[2]) else {
      throw DatasetError(
        "crop: a padding of \(padding) pixels; images of \(extents(shape)) take 1 to \(min(shape[1], shape[2]))"
      )
    }
  }

  public func apply(to image: AugmentedImage, draws: AugmentationDraws) {
    let places = 2 * padding + 1
    let place = draws.stream(.crops).integer(at: draws.sample, below: places * places)
    let (down, right) = (place / places - padding, place % places - padding)
    let (height, width) = (image.height, image.width)
    let kept = max(0, -right)..<min(width, width - right)
    for channel in 0..<image.channels {
      let plane = image.values + channel * height * width
      // In the order in which no row is overwritten before it is read.
      for n in 0..<height {
        let y = down >= 0 ? n : height - 1 - n
        let row = plane + y * width
        guard (0..<height).contains(y + down) else {
          row.update(repeating: 0, count: width)
          continue
        }
        memmove(row + kept.lowerBound, row + down * width + right + kept.lowerBound, 4 * kept.count)
        row.update(repeating: 0, count: kept.lowerBound)
        (row + kept.upperBound).update(repeating: 0, count: width - kept.upperBound)
      }
    }
  }
}
