// Owns the way of bytes into the store. It never touches the index, so that workers can use it.

import Canonical
import Foundation

/// Writes blobs into a store's directory; the driver then publishes them with a record.
public struct BlobWriter: Sendable {
  /// Blobs up to this size travel inline and live inside the index.
  public static let inlineLimit = 16 << 10

  let layout: Layout
  /// The run whose results these bytes will be: it keeps them until they have a record.
  private let run: RunID?

  public init(store directory: URL, run: RunID? = nil) {
    layout = Layout(directory)
    self.run = run
  }

  /// Whether the bytes of a blob that was written here are still here.
  public func holds(_ blob: WrittenBlob) -> Bool {
    blob.inline != nil || Layout.sizeOfFile(layout.blob(blob.digest, blob.codec)) == blob.storedSize
  }

  /// The content of a blob that was written here, as a file to be read or mapped: for those who have no index to ask.
  /// - Throws: `.missing`, `.damaged`.
  public func open(_ blob: WrittenBlob) throws -> URL {
    let path = layout.opened(blob.digest)
    if try Layout.digest(ofFile: path, size: blob.size) == blob.digest { return URL(fileURLWithPath: path) }
    let temporary = try Temporary(in: layout.temporary)
    let content: Digest
    if let inline = blob.inline {
      content = try decode(blob.codec, size: blob.size, from: source(of: inline)) { try temporary.write($0) }
    } else {
      guard let file = try OpenFile.reading(layout.blob(blob.digest, blob.codec)) else {
        throw StoreError.missing(blob.digest)
      }
      content = try decode(blob.codec, size: blob.size, from: { try file.read(into: $0) }) {
        try temporary.write($0)
      }
    }
    guard content == blob.digest else {
      throw StoreError.damaged(blob.digest, reason: "its bytes have another digest")
    }
    try temporary.file.makeReadOnly()
    try makeDirectory(layout.open)
    try temporary.replace(path)
    return URL(fileURLWithPath: path)
  }

  /// Stores a file's content. The file isn't changed, nor linked to.
  public func write(file: URL) throws -> WrittenBlob {
    guard let file = try OpenFile.reading(file.path) else {
      throw StoreError.source(path: file.path, reason: "no such file")
    }
    let status = try file.status()
    guard status.st_mode & S_IFMT == S_IFREG else {
      throw StoreError.source(path: file.path, reason: "not a regular file")
    }
    let size = Int(status.st_size)
    if size <= BlobWriter.inlineLimit { return try write(bytes: try file.contents(limit: size)) }
    let codec = try Codec.best(size: size) { try file.read(into: $0, at: $1) }
    return try write(codec, size: size, path: file.path) { try file.read(into: $0) }
  }

  /// Stores bytes.
  public func write(bytes: some Sequence<UInt8>) throws -> WrittenBlob {
    let bytes = Array(bytes)
    let codec = Codec.best(size: bytes.count) { buffer, offset in
      buffer.copyBytes(from: bytes[offset..<min(offset + buffer.count, bytes.count)])
      return min(buffer.count, bytes.count - offset)
    }
    if bytes.count > BlobWriter.inlineLimit {
      return try write(codec, size: bytes.count, path: "memory", from: source(of: bytes))
    }
    return try inline(bytes, codec)
  }

  /// Stores bytes that become few.
  func inline(_ bytes: [UInt8], _ codec: Codec) throws -> WrittenBlob {
    var stored: [UInt8] = []
    let digest = try encode(codec, size: bytes.count, path: "memory", from: source(of: bytes)) {
      stored.append(contentsOf: $0)
    }
    let form = StoredBlob(
      digest: digest, size: bytes.count, codec: codec, storedDigest: .of(stored), storedSize: stored.count)
    return WrittenBlob(form, inline: stored)
  }

  private func write(_ codec: Codec, size: Int, path: String, from source: ByteSource) throws -> WrittenBlob {
    let temporary = try Temporary(in: layout.temporary)
    var hasher = Hasher256()
    var storedSize = 0
    let digest = try encode(codec, size: size, path: path, from: source) {
      hasher.update($0)
      storedSize += $0.count
      try temporary.write($0)
    }
    let form = StoredBlob(
      digest: digest, size: size, codec: codec, storedDigest: hasher.finish(), storedSize: storedSize)
    if let run { try layout.mark(digest, for: run) }
    return WrittenBlob(try layout.publish(temporary, form))
  }
}

/// Reads an array from the front.
func source(of bytes: [UInt8]) -> ByteSource {
  var position = 0
  return { buffer in
    let n = min(buffer.count, bytes.count - position)
    buffer.copyBytes(from: bytes[position..<position + n])
    position += n
    return n
  }
}
