// Owns how activations become the rows and columns that measures compare, and what they must fulfil. It
// doesn't know where activations come from.
import Tensor

/// How activations of images (N × C × H × W) or tokens (N × T × D) become a matrix. Of vectors (N × D) there
/// is only one.
public enum Layout: String, Sendable, Codable, CaseIterable {
  /// One row per sample: N × CHW. What both stitching papers do for CKA.
  case flatten
  /// One row per sample and spatial position: NHW × C.
  case spaceAsSamples = "space_as_samples"
  /// One row per sample, averaged over spatial positions: N × C.
  case pool
}

/// A representation: n rows (samples) by p columns (features).
public struct Representation: Sendable {
  /// What messages call it, such as "front at stage2.0".
  public let name: String
  /// n × p.
  public let tensor: Tensor

  public var n: Int { tensor.shape[0] }
  public var p: Int { tensor.shape[1] }

  /// Lays out activations of shape N × D, N × T × D or N × C × H × W.
  /// - Parameter rows: which of the rows that the layout gives, ascending; nil: all.
  public init(
    _ activations: Tensor, layout: Layout = .flatten, rows: [Int]? = nil, name: String = "representation"
  ) throws {
    let shape = activations.shape
    guard (2...4).contains(shape.count) else {
      throw SimilarityError("\(name) has shape \(shape), expected N × D, N × T × D or N × C × H × W")
    }
    self.name = name
    let n = shape[0]
    let isImages = shape.count == 4
    // Tokens are N × T × D, images N × C × positions.
    let channels = isImages ? shape[1] : shape[shape.count - 1]
    let positions = isImages ? shape[2] * shape[3] : shape.count == 3 ? shape[1] : 1
    let isPooled = layout == .pool && positions > 1
    let places = layout == .spaceAsSamples ? positions : 1
    let width = layout == .flatten ? channels * positions : channels
    let rows = rows ?? Array(0..<(n * places))
    guard rows.count < n * places || isPooled || isImages && places > 1 else {
      tensor = activations.reshaped([n * places, width])
      return
    }
    // How far apart a row's features lie, and a feature's positions.
    let (featureStride, positionStride) =
      layout == .flatten ? (1, 0) : isImages ? (positions, 1) : (1, channels)
    tensor = Tensor(shape: [rows.count, width]) { out in
      activations.withUnsafeValues { values in
        for (i, row) in rows.enumerated() {
          let start = row / places * channels * positions + row % places * positionStride
          for feature in 0..<width {
            let at = start + feature * featureStride
            if isPooled {
              var sum = 0.0
              for position in 0..<positions { sum += Double(values[at + position * positionStride]) }
              out[i * width + feature] = Float(sum / Double(positions))
            } else {
              out[i * width + feature] = values[at]
            }
          }
        }
      }
    }
  }

  /// How many rows activations of this shape have in a layout.
  public static func rowCount(of shape: [Int], layout: Layout) -> Int {
    guard layout == .spaceAsSamples, shape.count > 2 else { return shape[0] }
    return shape[0] * (shape.count == 4 ? shape[2] * shape[3] : shape[1])
  }
}

/// Representations that can't be compared. The message names the one at fault.
public struct SimilarityError: Error, Hashable, Sendable, CustomStringConvertible {
  public let description: String

  package init(_ description: String) { self.description = description }
}
