// Owns the order in which one example's activations are kept and go from plan to plan, and the way from it to row-major.

import CKernels
import COneDNN

/// Channels in blocks of as many as lie together in this processor's vectors, pixel after pixel, where they fill the
/// blocks; row-major everywhere else.
package struct KeptOrder: Sendable {
  private let block: Int
  private let pixels: Int
  private let count: Int

  package init(_ shape: ActivationShape) {
    block = Self.block(of: shape.extents)
    pixels = shape.extents.dropFirst().reduce(1, *)
    count = shape.count
  }

  /// Channels in a block; 1: row-major.
  static func block(of extents: [Int]) -> Int {
    let block = Int(onednn_preferred_block())
    return extents.count == 3 && extents[0] % block == 0 ? block : 1
  }

  /// Copies one example's values.
  package func writeRowMajor(_ kept: UnsafePointer<Float>, to out: UnsafeMutablePointer<Float>) {
    if block == 1 {
      out.update(from: kept, count: count)
    } else {
      kernels_unblock(Int64(count / pixels / block), Int64(block), Int64(pixels), kept, out)
    }
  }

  /// The row-major place of a value.
  func rowMajor(_ place: Int) -> Int {
    if block == 1 { return place }
    let (lane, pixel) = (place % block, place / block % pixels)
    return (place / block / pixels * block + lane) * pixels + pixel
  }
}
