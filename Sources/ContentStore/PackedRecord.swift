// Owns how a record is packed into columns: its artifacts by themselves, since parsing 100,000 JSON texts would take a
// second, and its text as one zstd frame, which takes half the room.

import CZstd
import Canonical
import Foundation
import GRDB

// Each artifact is: form (0 blob, 1 manifest), digest (32 bytes), size (8, little-endian), length of the name (4), name.
extension Store {
  static func packed(_ artifacts: [String: Artifact]) -> Data {
    var out = Data()
    for (name, artifact) in artifacts.sorted(by: { $0.key < $1.key }) {
      out.append(artifact.form == .blob ? 0 : 1)
      out.append(contentsOf: artifact.digest.bytes)
      withUnsafeBytes(of: Int64(artifact.size).littleEndian) { out.append(contentsOf: $0) }
      withUnsafeBytes(of: Int32(name.utf8.count).littleEndian) { out.append(contentsOf: $0) }
      out.append(contentsOf: name.utf8)
    }
    return out
  }

  /// nil when the bytes can't have been packed here.
  static func unpacked(_ bytes: UnsafeRawBufferPointer) -> [String: Artifact]? {
    var artifacts: [String: Artifact] = [:]
    var i = 0
    while i < bytes.count {
      guard i + 45 <= bytes.count, bytes[i] <= 1,
        let digest = Digest(bytes: UnsafeRawBufferPointer(rebasing: bytes[i + 1..<i + 33]))
      else {
        return nil
      }
      let size = Int(Int64(littleEndian: bytes.loadUnaligned(fromByteOffset: i + 33, as: Int64.self)))
      let length = Int(Int32(littleEndian: bytes.loadUnaligned(fromByteOffset: i + 41, as: Int32.self)))
      guard length >= 0, i + 45 + length <= bytes.count else { return nil }
      let name = String(decoding: bytes[i + 45..<i + 45 + length], as: UTF8.self)
      artifacts[name] = Artifact(bytes[i] == 0 ? .blob : .manifest, digest, size: size)
      i += 45 + length
    }
    return artifacts
  }

  /// A checksum (FNV-1a, folded) over key and packed artifacts. It finds rows that were swapped or damaged, not forged.
  static func seal(_ key: Digest, _ packed: UnsafeRawBufferPointer) -> Int64 {
    var hash: UInt64 = 0xcbf2_9ce4_8422_2325
    key.withBytes { for byte in $0 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 } }
    for byte in packed { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
    return Int64(Int32(truncatingIfNeeded: hash ^ hash >> 32))
  }

  /// Seals the rows that an earlier version wrote without.
  static func sealOutputs(_ db: Database) throws {
    let rows = try Row.fetchAll(db, sql: "SELECT key, artifacts FROM outputs")
    let statement = try db.cachedStatement(sql: "UPDATE outputs SET seal = ? WHERE key = ?")
    for row in rows {
      let key = try Digest(row, 0)
      let packed: Data = row[1]
      try statement.execute(arguments: [packed.withUnsafeBytes { seal(key, $0) }, key.data])
    }
  }

  /// The artifacts in columns `column` (packed) and the next (their seal); nil when they aren't those of this key.
  static func artifacts(of key: Digest, _ row: Row, _ column: Int) throws -> [String: Artifact]? {
    let expected: Int64 = row[column + 1]
    return try row.withUnsafeData(atIndex: column) { data in
      guard let data else { return nil }
      return data.withUnsafeBytes { seal(key, $0) == expected ? unpacked($0) : nil }
    }
  }
}

// A column holds a text itself, as version 0.1 wrote it, or a zstd frame.
extension Store {
  static func packed(text: String) -> DatabaseValue {
    let text = Array(text.utf8)
    let frame = [UInt8](unsafeUninitializedCapacity: ZSTD_compressBound(text.count)) { out, count in
      count = ZSTD_compress(out.baseAddress, out.count, text, text.count, Codec.level)
    }
    return Data(frame).databaseValue
  }

  /// nil when there is no text in the column, or one longer than any record.
  static func unpackedText(_ row: Row, _ column: Int) -> [UInt8]? {
    let value: DatabaseValue = row[column]
    switch value.storage {
    case .string(let text): return Array(text.utf8)
    case .blob(let frame):
      return frame.withUnsafeBytes { frame in
        let size = ZSTD_getFrameContentSize(frame.baseAddress, frame.count)
        guard size <= UInt64(Record.longest) else { return nil }
        var isWhole = false
        let text = [UInt8](unsafeUninitializedCapacity: Int(size)) { out, count in
          count = ZSTD_decompress(out.baseAddress, out.count, frame.baseAddress, frame.count)
          isWhole = count == Int(size)
          if !isWhole { count = 0 }
        }
        return isWhole ? text : nil
      }
    default: return nil
    }
  }
}
