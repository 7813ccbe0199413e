// Owns the places of things in a store's directory.

import Canonical
import Foundation

/// A store's directory: `index.sqlite`, `blobs/ab/<digest><codec>`, `open/<digest>`, `temporary/`.
struct Layout: Sendable {
  let root: String

  init(_ directory: URL) { root = directory.path }

  var index: String { root + "/index.sqlite" }
  var temporary: String { root + "/temporary" }
  var open: String { root + "/open" }

  /// A large blob's stored bytes. The name ends with the codec (`.zst`), nothing for raw.
  func blob(_ digest: Digest, _ codec: Codec) -> String {
    let hex = digest.hex
    return "\(root)/blobs/\(hex.prefix(2))/\(hex)\(codec.suffix)"
  }

  /// A large blob's content, decoded and verified.
  func opened(_ digest: Digest) -> String { "\(open)/\(digest.hex)" }

  /// Gives complete stored bytes their name. If the name is taken, the bytes there are equal, and then nothing
  /// is done; or they are damaged or of another version of the codec, and then ours take their place.
  func publish(_ temporary: borrowing Temporary, _ form: StoredBlob) throws {
    let path = blob(form.digest, form.codec)
    if try !temporary.publish(as: path), try Layout.digest(ofFile: path) != form.storedDigest {
      try temporary.replace(path)
    }
  }

  /// The digest of a file's bytes; nil when there is no such file.
  static func digest(ofFile path: String) throws -> Digest? {
    guard let file = try OpenFile.reading(path) else { return nil }
    var hasher = Hasher256()
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: Codec.block, alignment: 64)
    defer { buffer.deallocate() }
    while true {
      let n = try file.read(into: buffer)
      if n == 0 { return hasher.finish() }
      hasher.update(UnsafeRawBufferPointer(rebasing: buffer[..<n]))
    }
  }
}
