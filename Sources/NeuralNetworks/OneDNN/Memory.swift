// Owns memory as oneDNN sees it: a layout and a place. It deliberately doesn't know who shares the place;
// the arena decides.

import COneDNN

/// Bytes on a 64-byte boundary whose place a plan decides once all its steps are known.
final class Buffer {
  let byteCount: Int
  /// Whether the bytes must outlive the steps that touch them (parameters, taps, what the caller writes).
  let isPinned: Bool
  private(set) var address: UnsafeMutableRawPointer?
  private let owner: AnyObject?

  init(byteCount: Int, pinned: Bool) {
    self.byteCount = byteCount
    isPinned = pinned
    owner = nil
  }

  /// Memory that somebody else owns and keeps in place.
  init(_ address: UnsafeMutableRawPointer, byteCount: Int, owner: AnyObject) {
    self.byteCount = byteCount
    isPinned = true
    self.address = address
    self.owner = owner
  }

  func place(at address: UnsafeMutableRawPointer) { self.address = address }
}

/// How a float32 tensor lies in memory: row by row, or in the blocks that a primitive likes.
final class Layout {
  let handle: OpaquePointer
  let shape: [Int]
  /// Padding included.
  let byteCount: Int

  private init(owning handle: OpaquePointer) {
    self.handle = handle
    var sizes = [Int64](repeating: 0, count: Int(onednn_largest_rank))
    let rank = onednn_layout_shape(handle, &sizes)
    shape = sizes.prefix(Int(rank)).map(Int.init)
    byteCount = onednn_layout_byte_count(handle)
  }

  /// A copy of one that a descriptor owns.
  convenience init(copying handle: OpaquePointer) throws {
    var copy: OpaquePointer?
    try check(onednn_layout_copy(&copy, handle), "layout")
    self.init(owning: copy!)
  }

  deinit { onednn_layout_destroy(handle) }

  /// Row-major.
  static func plain(_ shape: [Int]) -> Layout {
    var strides = [Int64](repeating: 1, count: shape.count)
    for axis in stride(from: shape.count - 2, through: 0, by: -1) {
      strides[axis] = strides[axis + 1] * Int64(shape[axis + 1])
    }
    return strided(shape, strides)
  }

  /// Tokens × channels (N × T × C), row by row, as images of T × 1 pixels with the channels last: a convolution's
  /// view of them, N×C×T×1.
  static func pixels(ofTokens shape: [Int]) -> Layout {
    let (tokens, channels) = (Int64(shape[1]), Int64(shape[2]))
    return strided([shape[0], shape[2], shape[1], 1], [tokens * channels, 1, channels, channels])
  }

  private static func strided(_ shape: [Int], _ strides: [Int64]) -> Layout {
    var handle: OpaquePointer?
    let status = onednn_layout_create_strided(
      &handle, Int32(shape.count), shape.map(Int64.init), strides)
    guard status == 0, let handle else { preconditionFailure("BUG: no layout for \(shape)") }
    return Layout(owning: handle)
  }

  /// In the layout that suits a primitive best; only to describe one.
  static func any(_ shape: [Int]) -> Layout {
    var handle: OpaquePointer?
    let status = onednn_layout_create_any(&handle, Int32(shape.count), shape.map(Int64.init))
    guard status == 0, let handle else { preconditionFailure("BUG: no layout for \(shape)") }
    return Layout(owning: handle)
  }

  func isSame(as other: Layout) -> Bool { onednn_layout_is_same(handle, other.handle) }
}

/// A oneDNN memory object: a layout over a buffer.
final class Memory {
  let layout: Layout
  let buffer: Buffer
  let handle: OpaquePointer

  init(_ layout: Layout, _ buffer: Buffer, _ engine: OpaquePointer) throws {
    precondition(layout.byteCount <= buffer.byteCount, "BUG: a layout larger than its buffer")
    var handle: OpaquePointer?
    try check(onednn_memory_create(&handle, layout.handle, engine), "memory \(layout.shape)")
    self.layout = layout
    self.buffer = buffer
    self.handle = handle!
  }

  deinit { onednn_memory_destroy(handle) }

  /// Tells oneDNN the place, once it is decided.
  func attach() throws { try check(onednn_memory_place(handle, buffer.address), "memory") }

  var shape: [Int] { layout.shape }
  /// All elements, padding included, in the layout's order. Only after `attach`.
  var floats: UnsafeMutablePointer<Float> { buffer.address!.assumingMemoryBound(to: Float.self) }
  /// The number of floats, padding included.
  var floatCount: Int { layout.byteCount / 4 }
}
