// Owns the mean and deviation of each channel over all images of a half.
import Foundation
import Tensor

/// Channel means and standard deviations, in the unit of pixels in [0, 1].
public struct ChannelStatistics: Sendable, Hashable {
  public var mean: [Double]
  /// Over all pixels (n); exactly 0 for a channel that is the same everywhere.
  public var deviation: [Double]

  public init(mean: [Double], deviation: [Double]) {
    self.mean = mean
    self.deviation = deviation
  }

  /// Of N × C × H × W images; nil for other samples, and for none.
  public init?(of samples: Samples) {
    guard samples.sampleShape.count == 3, samples.count > 0 else { return nil }
    (mean, deviation) = ([], [])
    let (channels, plane) = (samples.sampleShape[0], samples.sampleShape[1] * samples.sampleShape[2])
    /// The planes of one channel, in the images' order, as ranges of values.
    func planes(_ channel: Int) -> [Range<Int>] {
      (0..<samples.count).map { image in
        let start = (image * channels + channel) * plane
        return start..<(start + plane)
      }
    }
    for channel in 0..<channels {
      let (centre, spread) =
        switch samples.values {
        case .bytes(let data):
          data.withUnsafeBytes { moments(of: $0.bindMemory(to: UInt8.self), in: planes(channel)) }
        case .floats(let tensor): tensor.withUnsafeValues { moments(of: $0, in: planes(channel)) }
        }
      mean.append(centre)
      deviation.append(spread)
    }
  }
}

/// Mean and deviation of pixels, from exact sums.
private func moments(of values: UnsafeBufferPointer<UInt8>, in planes: [Range<Int>]) -> (Double, Double) {
  var (sum, squares): (UInt64, UInt64) = (0, 0)
  for plane in planes {
    // 32 bits are faster, and hold the squares of 66,000 pixels.
    for start in stride(from: plane.lowerBound, to: plane.upperBound, by: 1 << 16) {
      var (part, partSquares): (UInt32, UInt32) = (0, 0)
      for i in start..<min(plane.upperBound, start + 1 << 16) {
        let value = UInt32(values[i])
        part &+= value
        partSquares &+= value &* value
      }
      sum += UInt64(part)
      squares += UInt64(partSquares)
    }
  }
  let n = planes.reduce(0) { $0 + $1.count }
  let mean = Double(sum) / Double(n)
  // n·Σx² = (Σx)² for a constant channel, and for no other.
  guard UInt64(n).multipliedFullWidth(by: squares) != sum.multipliedFullWidth(by: sum) else {
    return (mean / 255, 0)
  }
  return (mean / 255, max(0, Double(squares) / Double(n) - mean * mean).squareRoot() / 255)
}

/// Mean and deviation of numbers, in two passes.
private func moments(of values: UnsafeBufferPointer<Float>, in planes: [Range<Int>]) -> (Double, Double) {
  let n = Double(planes.reduce(0) { $0 + $1.count })
  var sum = 0.0
  for plane in planes { for i in plane { sum += Double(values[i]) } }
  let mean = sum / n
  let first = values[planes[0].lowerBound]
  var squares = 0.0
  var isConstant = true
  for plane in planes {
    for i in plane {
      isConstant = isConstant && values[i] == first
      squares += (Double(values[i]) - mean) * (Double(values[i]) - mean)
    }
  }
  return (mean, isConstant ? 0 : (squares / n).squareRoot())
}
