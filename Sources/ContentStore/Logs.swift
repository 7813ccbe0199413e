// Owns what instances printed: short, compressed, and kept with the record of a result, so that it travels; or by key,
// where there is no result. It decides nothing, so whatever goes wrong with a log stays its own affair.

import Canonical
import Foundation
import GRDB

extension BlobWriter {
  /// Of a longer log the first quarter and the rest from the end are kept, in bytes.
  public static let longestLog = 64 << 10

  /// Stores a log, to be named by its record. nil for an empty one.
  public func write(log file: URL) throws -> WrittenBlob? {
    let text = try BlobWriter.log(in: file)
    if text.isEmpty { return nil }
    let codec: Codec = text.count > 256 ? .zstd : .raw
    let blob = try inline(text, codec)
    return blob.storedSize <= BlobWriter.inlineLimit ? blob : try write(bytes: text)
  }

  /// A log's text as it is kept: whole, or its start and end with a line between that says what was left out.
  static func log(in file: URL) throws -> [UInt8] {
    guard let file = try OpenFile.reading(file.path) else { return [] }
    let size = Int(try file.status().st_size)
    if size <= longestLog { return try file.start(size) }
    let head = try file.start(longestLog / 4)
    let tail = try [UInt8](unsafeUninitializedCapacity: longestLog - head.count) { buffer, filled in
      filled = try file.read(into: UnsafeMutableRawBufferPointer(buffer), at: size - buffer.count)
    }
    // Whole lines, as far as there are any.
    let first = head.lastIndex(of: 0x0A).map { head[...$0] } ?? head[...]
    let last = tail.firstIndex(of: 0x0A).map { tail[($0 + 1)...] } ?? tail[...]
    return first + Array("[\(size - first.count - last.count) bytes left out]\n".utf8) + last
  }
}

extension Store {
  /// What the instance of a key printed: the log of its record, else of its last failure. nil where nothing is known
  /// or nothing was printed.
  /// - Throws: `.missing`, `.damaged` when the record's log is lost; `.remote`.
  public func log(of key: Digest) throws -> [UInt8]? {
    if let log = try record(for: key)?.log { return try read(log.digest, limit: BlobWriter.longestLog * 2) }
    let kept = try reading { db in
      try db.cachedStatement(sql: "SELECT codec, size, bytes FROM logs WHERE key = ?").first([key.data]) {
        ($0[0] as String, $0[1] as Int, $0[2] as Data)
      }
    }
    guard let (name, size, bytes) = kept, let codec = Codec(rawValue: name) else { return nil }
    var text: [UInt8] = []
    let digest = try? decode(codec, size: size, from: source(of: Array(bytes))) {
      text.append(contentsOf: $0)
    }
    return digest == nil ? nil : text
  }

  /// Keeps what an instance printed that came to no record; its key's earlier log gives way.
  public func keep(log file: URL, for key: Digest) throws {
    let text = try BlobWriter.log(in: file)
    let blob = try BlobWriter(store: directory).inline(text, text.count > 256 ? .zstd : .raw)
    try writing { db in
      if text.isEmpty { return try db.execute(sql: "DELETE FROM logs WHERE key = ?", arguments: [key.data]) }
      try db.execute(
        sql: "INSERT OR REPLACE INTO logs (key, time, codec, size, bytes) VALUES (?, ?, ?, ?, ?)",
        arguments: [key.data, Store.now, blob.codec.rawValue, blob.size, Data(blob.inline!)])
    }
  }
}
