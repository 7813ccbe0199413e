// Owns the temporary directories and sample content of these tests.

import Canonical
import ContentStore
import Foundation

/// A new empty directory, removed with the value.
final class Scratch: Sendable {
  let url: URL

  init() throws {
    url = FileManager.default.temporaryDirectory.appendingPathComponent("bobbin-store-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(at: url) }

  subscript(path: String) -> URL { url.appendingPathComponent(path) }

  /// Writes a file, with the folders above it.
  @discardableResult func write(_ bytes: some Sequence<UInt8>, to path: String) throws -> URL {
    let file = self[path]
    try FileManager.default.createDirectory(
      at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
    try Data(bytes).write(to: file)
    return file
  }
}

/// Bytes that don't compress, from a seed.
func noise(_ count: Int, seed: UInt64 = 1) -> [UInt8] {
  var state = seed &* 0x9E37_79B9_7F4A_7C15 | 1
  return (0..<count).map { _ in
    state ^= state << 13
    state ^= state >> 7
    state ^= state << 17
    return UInt8(truncatingIfNeeded: state >> 32)
  }
}

/// Bytes of floats between 1 and 2: shuffling helps them.
func floats(_ count: Int, seed: UInt64 = 1) -> [UInt8] {
  let random = noise(2 * count, seed: seed)
  return (0..<count).flatMap { i -> [UInt8] in
    let fraction = UInt32(random[2 * i]) << 8 | UInt32(random[2 * i + 1])
    let bits: UInt32 = 0x3F80_0000 | fraction << 7
    return withUnsafeBytes(of: bits.littleEndian, Array.init)
  }
}

/// Text that compresses well.
func prose(_ count: Int) -> [UInt8] {
  Array((0..<count / 20 + 1).map { "line \($0 % 97) of some text\n" }.joined().utf8.prefix(count))
}

extension Store {
  /// Writes and publishes one blob as the output `out` of an action called `name`.
  @discardableResult func publish(_ bytes: [UInt8], as name: String = "a", facts: JSON = [:]) throws -> Record
  {
    let blob = try BlobWriter(store: directory).write(bytes: bytes)
    let record = Record(
      action: ["kind": .string(name)], artifacts: ["out": blob.artifact], blobs: [blob.form], facts: facts)
    _ = try publish(record, blobs: [blob])
    return record
  }
}
