// Owns reading PNG and JPEG files as pixels.
import CImages
import Foundation

/// An image: 8 bits a channel, rows from the top, channels side by side.
public struct ImagePixels: Sendable, Hashable {
  public var width: Int
  public var height: Int
  /// 1 (grey) or 3 (RGB).
  public var channels: Int
  /// height × width × channels.
  public var values: [UInt8]

  public init(width: Int, height: Int, channels: Int, values: [UInt8]) {
    precondition(values.count == width * height * channels, "BUG: \(values.count) pixels")
    self.width = width
    self.height = height
    self.channels = channels
    self.values = values
  }

  /// The most pixels that an image may have: a few bytes can claim to be any number of them.
  private static let most = 1 << 27

  /// Reads a file; which format it is in its first bytes tell. Colours become grey by Rec. 601's weights (JPEG) or
  /// libpng's (PNG, Rec. 709's linear ones); grey becomes three equal channels.
  public init(contentsOf url: URL, channels: Int) throws {
    let data = try ImagePixels.data(url)
    (width, height) = try ImagePixels.size(data, url)
    self.channels = channels
    var pixels = [UInt8](repeating: 0, count: width * height * channels)
    var problem = [CChar](repeating: 0, count: 200)
    let status = data.withUnsafeBytes { bytes in
      bobbin_image_decode(
        bytes.bindMemory(to: UInt8.self).baseAddress, bytes.count, Int32(channels), &pixels, &problem)
    }
    guard status == 0 else { throw ImagePixels.failure(url, problem) }
    values = pixels
  }

  /// The width and height that a file's header tells.
  public static func size(of url: URL) throws -> (width: Int, height: Int) { try size(data(url), url) }

  private static func data(_ url: URL) throws -> Data {
    do { return try Data(contentsOf: url, options: .mappedIfSafe) } catch {
      throw FormatError(file: url.path, "can't be read: \(reason(error))")
    }
  }

  private static func size(_ data: Data, _ url: URL) throws -> (width: Int, height: Int) {
    var (width, height): (Int32, Int32) = (0, 0)
    var problem = [CChar](repeating: 0, count: 200)
    let status = data.withUnsafeBytes { bytes in
      bobbin_image_size(bytes.bindMemory(to: UInt8.self).baseAddress, bytes.count, &width, &height, &problem)
    }
    guard status == 0 else { throw failure(url, problem) }
    guard width > 0, height > 0, Int(width) * Int(height) <= most else {
      throw FormatError(file: url.path, "claims to be \(width)×\(height) pixels")
    }
    return (Int(width), Int(height))
  }

  private static func failure(_ url: URL, _ problem: [CChar]) -> FormatError {
    let text = String(decoding: problem.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    return FormatError(file: url.path, "no image that can be read: \(text)")
  }
}
