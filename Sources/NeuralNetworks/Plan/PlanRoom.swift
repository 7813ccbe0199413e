// Owns memory that several plans take turns in: what a plan keeps between its forward and its backward pass, and what
// each thread has for a tile. It deliberately doesn't know what lies there.

/// Memory for plans of which only one at a time is between its forward and its backward pass. The plan that needs most
/// should be compiled first, so that there is one block for all.
package final class PlanRoom {
  private var blocks: [(base: UnsafeMutableRawPointer, count: Int)] = []
  /// By thread.
  private var scratch: [Int: [(base: UnsafeMutableRawPointer, count: Int)]] = [:]
  /// The plan whose values lie here.
  private(set) weak var holder: AnyObject?

  package init() {}

  deinit {
    for block in blocks + scratch.values.flatMap({ $0 }) { block.base.deallocate() }
  }

  /// The bytes of all blocks.
  package var byteCount: Int { (blocks + scratch.values.flatMap { $0 }).reduce(0) { $0 + $1.count } }

  /// Where so many bytes of any plan lie. What was handed out stays in place.
  func place(_ count: Int) -> UnsafeMutableRawPointer { place(count, &blocks) }

  /// Where so many bytes of a thread lie.
  func scratch(_ count: Int, thread: Int) -> UnsafeMutableRawPointer {
    place(count, &scratch[thread, default: []])
  }

  /// Says that what lies here from now on is a plan's, and no other's any more.
  func hold(for plan: AnyObject) { holder = plan }

  private func place(
    _ count: Int, _ blocks: inout [(base: UnsafeMutableRawPointer, count: Int)]
  ) -> UnsafeMutableRawPointer {
    if let last = blocks.last, last.count >= count { return last.base }
    blocks.append((allocateBytes(count), count))
    return blocks.last!.base
  }
}
