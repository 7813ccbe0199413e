// Owns what other programs' caches put into a store that is served: opaque entries in a folder of their own, bounded,
// those that nobody has asked for longest going first. Nothing in the index speaks of them. What a push brings lies here
// until its record comes.

import Canonical
import Foundation
import Synchronization

/// Entries by name, below `served/` of a store.
public final class ForeignEntries: Sendable {
  public enum Sort: String, Sendable {
    /// By whatever key their program has.
    case records = "ac"
    /// By the SHA-256 of their bytes.
    case blobs = "cas"
  }

  private let layout: Layout
  /// The bytes that they may have together.
  public let bound: Int
  private let total: Mutex<Int>

  public init(_ store: Store, bound: Int) {
    layout = store.layout
    self.bound = bound
    total = Mutex(Folder.served(store.layout).bytes)
  }

  private func path(_ sort: Sort, _ name: Digest) -> String {
    "\(layout.served)/\(sort.rawValue)/\(name.hex)"
  }

  /// An entry's bytes; from now on it is the one that was asked for last.
  public func find(_ sort: Sort, _ name: Digest) throws -> OfferedFile? {
    guard let file = OfferedFile(path(sort, name)) else { return nil }
    futimens(file.descriptor, nil)
    return file
  }

  /// Bytes that are to become an entry, on the disk and not yet to be found.
  public struct Draft: ~Copyable {
    fileprivate let temporary: Temporary
    public private(set) var size = 0
    private var hasher = Hasher256()

    public mutating func write(_ bytes: UnsafeRawBufferPointer) throws {
      hasher.update(bytes)
      size += bytes.count
      try temporary.write(bytes)
    }

    fileprivate init(_ layout: Layout) throws { temporary = try Temporary(in: layout.temporary) }

    public var digest: Digest { hasher.soFar() }

    /// All of it, refused when it is longer than `limit`.
    public func contents(limit: Int) throws -> [UInt8] {
      try OpenFile.reading(temporary.path)?.contents(limit: limit) ?? []
    }

    /// Its first byte.
    public var start: UInt8? { get throws { try OpenFile.reading(temporary.path)?.start(1).first } }
  }

  public func draft() throws -> Draft { try Draft(layout) }

  /// Publishes an entry. Where there is one, it stays unless `replacing` (then false).
  public func publish(_ draft: borrowing Draft, as sort: Sort, _ name: Digest, replacing: Bool) throws -> Bool
  {
    let path = path(sort, name)
    let before = Layout.sizeOfFile(path)
    if try !draft.temporary.publish(as: path) {
      guard replacing else { return false }
      try draft.temporary.replace(path)
    }
    let added = draft.size - (before ?? 0)
    let isOver = total.withLock { total in
      total += added
      return total > bound
    }
    if isOver { shrink(sparing: path) }
    return true
  }

  public func remove(_ sort: Sort, _ name: Digest) {
    let path = path(sort, name)
    guard let size = Layout.sizeOfFile(path), unlink(path) == 0 else { return }
    total.withLock { $0 -= size }
  }

  /// Makes room for a tenth of the bound, so that this isn't done for every entry.
  private func shrink(sparing newest: String) {
    total.withLock { total in
      let files = Folder.served(layout).files.sorted { ($0.time, $0.name) < ($1.time, $1.name) }
      total = files.reduce(0) { $0 + $1.size }
      for file in files where total > bound - bound / 10 && file.path != newest && unlink(file.path) == 0 {
        total -= file.size
      }
    }
  }
}
