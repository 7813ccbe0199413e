// Owns hashing on a thread of its own what passes by on another: of a large blob that comes over a fast network, hashing
// would take as long as all else.

import Canonical
import Dispatch
import Foundation

/// SHA-256 of bytes that come in pieces, one block behind them. One thread uses it.
package final class SideHasher: @unchecked Sendable {
  // The queue's.
  private var hasher = Hasher256()
  private let queue = DispatchQueue(label: "bobbin.hashing")
  /// One is filled while the other is hashed.
  private let blocks: [UnsafeMutableRawBufferPointer]
  private var current = 0
  private var filled = 0
  /// Whether the block that isn't being filled has been hashed.
  private let isFree = DispatchSemaphore(value: 1)

  private static let block = 256 << 10
  /// From here on another thread is worth its while, in bytes.
  static let least = 8 << 20

  package init() {
    blocks = (0..<2).map { _ in .allocate(byteCount: SideHasher.block, alignment: 64) }
  }

  // Whatever was handed over keeps this alive until it has been hashed.
  deinit { for block in blocks { block.deallocate() } }

  package func update(_ bytes: UnsafeRawBufferPointer) {
    var rest = bytes
    while !rest.isEmpty {
      let n = min(rest.count, SideHasher.block - filled)
      UnsafeMutableRawBufferPointer(rebasing: blocks[current][filled..<filled + n])
        .copyMemory(from: UnsafeRawBufferPointer(rebasing: rest[..<n]))
      filled += n
      rest = UnsafeRawBufferPointer(rebasing: rest[n...])
      if filled == SideHasher.block { handOver() }
    }
  }

  /// The digest of what has come until now; more may follow.
  package func soFar() -> Digest {
    handOver()
    return queue.sync { hasher.soFar() }
  }

  private func handOver() {
    isFree.wait()
    let (block, count) = (current, filled)
    (current, filled) = (1 - current, 0)
    queue.async {
      self.hasher.update(UnsafeRawBufferPointer(rebasing: self.blocks[block][..<count]))
      self.isFree.signal()
    }
  }
}
