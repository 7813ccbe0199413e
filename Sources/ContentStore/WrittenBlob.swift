// Owns what a writer says of a blob it wrote, until the driver indexes it.

/// A blob that has been written but isn't indexed yet.
public struct WrittenBlob: Sendable, Hashable {
  public var digest: Digest
  public var size: Int
  public var codec: String
  public var storedDigest: Digest
  public var storedSize: Int
  /// The stored bytes of a small blob; a larger one is a file already.
  public var inline: [UInt8]?

  public init(
    digest: Digest, size: Int, codec: String, storedDigest: Digest, storedSize: Int, inline: [UInt8]?
  ) {
    self.digest = digest
    self.size = size
    self.codec = codec
    self.storedDigest = storedDigest
    self.storedSize = storedSize
    self.inline = inline
  }
}
