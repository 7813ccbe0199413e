// Owns the horizontal flip.

import Tensor

/// Mirrors left and right with probability 1/2 (He et al. 2016).
public struct Flip: Augmentation, Hashable {
  public init() {}

  public var name: String { "flip" }

  public func apply(to image: AugmentedImage, draws: AugmentationDraws) {
    guard draws.stream(.flips).words(at: draws.sample)[0] & 1 == 1 else { return }
    for row in 0..<(image.channels * image.height) {
      var pixels = UnsafeMutableBufferPointer(
        start: image.values + row * image.width, count: image.width)
      pixels.reverse()
    }
  }
}
