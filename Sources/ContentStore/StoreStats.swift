// Owns the figures of `cache stats`.

import Foundation
import GRDB

/// What a store holds.
public struct StoreStats: Hashable, Sendable {
  /// Blobs of one codec: how many, bytes of content and as stored.
  public struct Amount: Hashable, Sendable {
    public var count = 0
    public var content = 0
    public var stored = 0
  }

  public var records = 0
  /// Blobs whose bytes are here, by codec.
  public var blobs: [Codec: Amount] = [:]
  /// Those of them that are small and live in the index.
  public var inline = Amount()
  /// Blobs that are known, but whose bytes are not here: a remote may have them.
  public var elsewhere = Amount()
  /// States of unfinished work: how many, and the bytes that they alone hold, as stored.
  public var states = Files()
  /// Copies that were decompressed to be mapped, in `open/`; they may be deleted at any time.
  public var opened = Files()
  /// What instances printed, as files for reading.
  public var logs = Files()
  /// What other programs' caches put here while the store was served.
  public var foreign = Files()
  /// Files of a folder: how many, and their bytes.
  public struct Files: Hashable, Sendable {
    public var count = 0
    public var bytes = 0

    public init(count: Int = 0, bytes: Int = 0) { (self.count, self.bytes) = (count, bytes) }
  }

  public init() {}

  /// All blobs whose bytes are here.
  public var total: Amount {
    blobs.values.reduce(into: Amount()) { $0.add($1) }
  }
}

extension Store {
  /// Counts what the store holds, from its index; what is in no index, on the disk.
  public func stats() throws -> StoreStats {
    var stats = try indexed()
    stats.opened = Store.files(below: layout.open)
    stats.logs = Store.files(below: layout.root + "/logs")
    stats.foreign = Store.files(below: layout.served)
    return stats
  }

  /// The plain files below a folder.
  private static func files(below folder: String) -> StoreStats.Files {
    var found = StoreStats.Files()
    let names = FileManager.default.enumerator(atPath: folder)
    while let name = names?.nextObject() as? String {
      guard let size = Layout.sizeOfFile("\(folder)/\(name)") else { continue }
      found.count += 1
      found.bytes += size
    }
    return found
  }

  private func indexed() throws -> StoreStats {
    try reading { db in
      var stats = StoreStats()
      stats.records = try Int.fetchOne(db, sql: "SELECT count(*) FROM outputs") ?? 0
      stats.states.count = try Int.fetchOne(db, sql: "SELECT count(*) FROM states") ?? 0
      stats.states.bytes =
        try Int.fetchOne(
          db, sql: "SELECT sum(storedSize) FROM blobs WHERE class = ? AND place < 2",
          arguments: [BlobClass.state.rawValue]) ?? 0
      let rows = try Row.fetchCursor(
        db,
        sql: """
          SELECT place, codec, count(*), sum(size), sum(storedSize) FROM blobs AS this
          WHERE place < 2 OR NOT EXISTS (SELECT 1 FROM blobs WHERE digest = this.digest AND place < 2)
          GROUP BY place, codec
          """)
      while let row = try rows.next() {
        let amount = StoreStats.Amount(count: row[2], content: row[3], stored: row[4])
        let codec: String = row[1]
        guard let place = Place(rawValue: row[0]), let codec = Codec(rawValue: codec) else { continue }
        switch place {
        case .elsewhere: stats.elsewhere.add(amount)
        case .inline:
          stats.inline.add(amount)
          stats.blobs[codec, default: .init()].add(amount)
        case .file: stats.blobs[codec, default: .init()].add(amount)
        }
      }
      return stats
    }
  }
}

extension StoreStats.Amount {
  fileprivate mutating func add(_ other: StoreStats.Amount) {
    count += other.count
    content += other.content
    stored += other.stored
  }
}
