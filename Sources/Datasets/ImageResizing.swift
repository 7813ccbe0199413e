// Owns how images of any size become squares of one: the shorter side is brought to the size, then the middle is cut out.
import Formats
import Foundation

extension ImagePixels {
  /// A square of `size` by `size`. The image is scaled by s = size / shorter side; of the scaled longer side the middle
  /// is taken. A pixel is the mean of what it covers, by area, where the image gets smaller (1/s source pixels each way);
  /// where it gets larger, it is between the nearest two each way (bilinear, centres of pixels at ½). Exact in Double,
  /// rounded to whole levels once, ties away from zero.
  func squared(_ size: Int) -> ImagePixels {
    let scale = Double(min(width, height)) / Double(size)
    let columns = taps(size, of: width, scale: scale)
    let rows = taps(size, of: height, scale: scale)
    // Rows are summed first: size × width × channels.
    var middle = [Double](repeating: 0, count: size * width * channels)
    let line = width * channels
    for (y, taps) in rows.enumerated() {
      for tap in taps {
        for i in 0..<line { middle[y * line + i] += tap.weight * Double(values[tap.index * line + i]) }
      }
    }
    var out = [UInt8](repeating: 0, count: size * size * channels)
    for y in 0..<size {
      for (x, taps) in columns.enumerated() {
        for channel in 0..<channels {
          var sum = 0.0
          for tap in taps { sum += tap.weight * middle[y * line + tap.index * channels + channel] }
          out[(y * size + x) * channels + channel] = UInt8(min(255, max(0, sum.rounded())))
        }
      }
    }
    return ImagePixels(width: size, height: size, channels: channels, values: out)
  }

  /// Which source pixels each of `size` pixels is made of, along an axis of `length` pixels; `scale` source pixels each.
  private func taps(_ size: Int, of length: Int, scale: Double) -> [[(index: Int, weight: Double)]] {
    let start = (Double(length) - scale * Double(size)) / 2
    return (0..<size).map { place in
      if scale > 1 {
        let (low, high) = (start + Double(place) * scale, start + Double(place + 1) * scale)
        return (Int(low)..<min(length, Int(high.rounded(.up)))).compactMap { index in
          let covered = min(high, Double(index + 1)) - max(low, Double(index))
          return covered > 0 ? (index, covered / scale) : nil
        }
      }
      let centre = start + (Double(place) + 0.5) * scale - 0.5
      let below = centre.rounded(.down)
      let (first, second) = (max(0, Int(below)), min(length - 1, Int(below) + 1))
      return [(first, 1 - (centre - below)), (second, centre - below)].filter { $0.1 > 0 }
    }
  }
}
