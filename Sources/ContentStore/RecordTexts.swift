// Owns how the texts of records are kept: those of one kind are much alike, so each is a zstd frame of its difference to
// an earlier one, its base, which takes a quarter of the room. Bases are texts of their own and depend on no record.

import CZstd
import Canonical
import Foundation
import GRDB

extension Store {
  /// Longer texts are kept by themselves: they consist of digests mostly, which nothing predicts.
  private static let longestBase = 32 << 10
  /// So many bases of a kind are tried, the newest first.
  private static let bases = 4
  /// A text that takes more than this share of the room that it takes alone is the next base of its kind.
  private static let worthwhile = 0.6

  /// A record's text as the index keeps it, and its base; 0 for none.
  static func packed(_ record: Record, _ db: Database) throws -> (DatabaseValue, base: Int) {
    let text = Array(record.text.utf8)
    let alone = frame(of: text, base: [])
    if text.count > longestBase { return (Data(alone).databaseValue, 0) }
    let kind = record.action["kind"]?.stringValue ?? ""
    var best: (frame: [UInt8], base: Int)?
    let statement = try db.cachedStatement(
      sql: "SELECT text, id FROM bases WHERE kind = ? ORDER BY id DESC LIMIT \(bases)")
    statement.setUncheckedArguments([kind])
    let rows = try Row.fetchCursor(statement)
    while let row = try rows.next() {
      guard let base = unpackedText(row, 0) else { continue }
      let frame = frame(of: text, base: base)
      if frame.count < best?.frame.count ?? .max { best = (frame, row[1]) }
    }
    if let best, Double(best.frame.count) < worthwhile * Double(alone.count) {
      return (Data(best.frame).databaseValue, best.base)
    }
    try db.cachedStatement(sql: "INSERT INTO bases (kind, text) VALUES (?, ?)")
      .execute(arguments: [kind, Data(alone)])
    return (Data(frame(of: text, base: text)).databaseValue, Int(db.lastInsertedRowID))
  }

  /// The text in columns `column` and the next (its base); nil when there is none, or one longer than any record.
  static func recordText(_ row: Row, _ column: Int, _ db: Database) throws -> [UInt8]? {
    let id: Int = row[column + 1]
    if id == 0 { return unpackedText(row, column) }
    let base = try db.cachedStatement(sql: "SELECT text FROM bases WHERE id = ?")
      .first([id]) { unpackedText($0, 0) }
    guard let base = base ?? nil, let frame = Data.fromDatabaseValue(row[column]) else { return nil }
    return text(of: Array(frame), base: base)
  }

  private static func frame(of text: [UInt8], base: [UInt8]) -> [UInt8] {
    let context = ZSTD_createCCtx()
    defer { ZSTD_freeCCtx(context) }
    return [UInt8](unsafeUninitializedCapacity: ZSTD_compressBound(text.count)) { out, count in
      count = ZSTD_compress_usingDict(
        context, out.baseAddress, out.count, text, text.count, base, base.count, Codec.level)
    }
  }

  private static func text(of frame: [UInt8], base: [UInt8]) -> [UInt8]? {
    let size = ZSTD_getFrameContentSize(frame, frame.count)
    guard size <= UInt64(Record.longest) else { return nil }
    let context = ZSTD_createDCtx()
    defer { ZSTD_freeDCtx(context) }
    var isWhole = false
    let text = [UInt8](unsafeUninitializedCapacity: Int(size)) { out, count in
      count = ZSTD_decompress_usingDict(
        context, out.baseAddress, out.count, frame, frame.count, base, base.count)
      isWhole = count == Int(size)
      if !isWhole { count = 0 }
    }
    return isWhole ? text : nil
  }
}
