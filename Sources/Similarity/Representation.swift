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
  public init(_ activations: Tensor, layout: Layout = .flatten, name: String = "representation") throws {
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
    func at(_ values: UnsafeBufferPointer<Float>, _ sample: Int, _ position: Int, _ channel: Int) -> Float {
      values[
        sample * channels * positions
          + (isImages ? channel * positions + position : position * channels + channel)]
    }
    switch layout {
    case .flatten: tensor = activations.reshaped([n, channels * positions])
    case _ where positions == 1: tensor = activations.reshaped([n, channels])
    case .spaceAsSamples:
      tensor = Tensor(shape: [n * positions, channels]) { out in
        activations.withUnsafeValues { values in
          for sample in 0..<n {
            for position in 0..<positions {
              for channel in 0..<channels {
                out[(sample * positions + position) * channels + channel] = at(
                  values, sample, position, channel)
              }
            }
          }
        }
      }
    case .pool:
      tensor = Tensor(shape: [n, channels]) { out in
        activations.withUnsafeValues { values in
          for sample in 0..<n {
            for channel in 0..<channels {
              var sum = 0.0
              for position in 0..<positions { sum += Double(at(values, sample, position, channel)) }
              out[sample * channels + channel] = Float(sum / Double(positions))
            }
          }
        }
      }
    }
  }
}

/// Representations that can't be compared. The message names the one at fault.
public struct SimilarityError: Error, Hashable, Sendable, CustomStringConvertible {
  public let description: String

  init(_ description: String) { self.description = description }
}

/// A representation with its column means, read in blocks as centred Double matrices: the whole in Double may
/// not fit memory.
public struct Centred: Sendable {
  public let source: Representation
  private let means: [Double]
  /// ‖X‖²_F, centred.
  let squaredNorm: Double

  /// Refuses what measures would answer with NaN.
  public init(_ source: Representation) throws {
    guard source.n >= 2, source.p >= 1 else {
      throw SimilarityError("\(source.name) is \(source.n) × \(source.p); a comparison needs two samples")
    }
    self.source = source
    let (n, p) = (source.n, source.p)
    var sums = [Double](repeating: 0, count: p)
    var raw = 0.0
    try source.tensor.withUnsafeValues { values in
      for row in 0..<n {
        for column in 0..<p {
          let value = Double(values[row * p + column])
          sums[column] += value
          raw += value * value
        }
      }
      guard raw.isFinite else {
        let wrong = values.firstIndex { !$0.isFinite }!
        throw SimilarityError(
          "\(source.name) has \(values[wrong]) at sample \(wrong / p), feature \(wrong % p)")
      }
    }
    let means = sums.map { $0 / Double(n) }
    self.means = means
    squaredNorm = source.tensor.withUnsafeValues { values in
      var sum = 0.0
      for row in 0..<n {
        for column in 0..<p {
          let value = Double(values[row * p + column]) - means[column]
          sum += value * value
        }
      }
      return sum
    }
    // Constant columns leave rounding only, of about 1e-32 of the raw squares.
    guard squaredNorm > raw * 1e-24 else {
      throw SimilarityError("\(source.name) is the same for all \(n) samples; it has nothing to compare")
    }
  }

  /// The centred rows `range`, |range| × p.
  func rows(_ range: Range<Int>) -> Matrix { block(rows: range, columns: 0..<source.p) }

  /// All rows of the centred columns `range`, n × |range|.
  func columns(_ range: Range<Int>) -> Matrix { block(rows: 0..<source.n, columns: range) }

  private func block(rows: Range<Int>, columns: Range<Int>) -> Matrix {
    let values = [Double](unsafeUninitializedCapacity: rows.count * columns.count) { out, count in
      source.tensor.withUnsafeValues { values in
        var position = 0
        for row in rows {
          for column in columns {
            out.initializeElement(
              at: position, to: Double(values[row * source.p + column]) - means[column])
            position += 1
          }
        }
        count = position
      }
    }
    return Matrix(rows.count, columns.count, values: values)
  }

  /// XXᵀ, n × n.
  func gram() -> Matrix {
    var out = Matrix(zeros: source.n, source.n)
    for range in blocks(of: source.p, size: max(1, 1 << 22 / source.n)) { out.addGram(of: columns(range)) }
    return out
  }

  /// XᵀX, p × p.
  func featureGram() -> Matrix {
    var out = Matrix(zeros: source.p, source.p)
    for range in blocks(of: source.n, size: max(1, 1 << 22 / source.p)) {
      out.addGram(of: rows(range), transposed: true)
    }
    return out
  }

  /// XᵀY, p × q.
  func transposedTimes(_ other: Centred) -> Matrix {
    var out = Matrix(zeros: source.p, other.source.p)
    for range in blocks(of: source.n, size: max(1, 1 << 22 / max(source.p, other.source.p))) {
      out.add(rows(range), times: other.rows(range), transposingFirst: true)
    }
    return out
  }
}

/// A fixed partition of 0..<count, so that sums have one order.
private func blocks(of count: Int, size: Int) -> [Range<Int>] {
  stride(from: 0, to: count, by: size).map { $0..<min(count, $0 + size) }
}
