// Owns memory as oneDNN sees it: a layout and its places. It deliberately doesn't know who shares a place; the
// arena decides.

import CKernels
import COneDNN

/// Where a step runs: which tile of the batch it computes, on which thread, with what only that thread touches.
struct Place {
  let tile: Int
  let thread: Int
  let stream: OpaquePointer
  /// The thread's own memory.
  let scratch: UnsafeMutableRawPointer

  /// A memory's bytes there, padding included, in the layout's order.
  func bytes(_ memory: Memory) -> UnsafeMutableRawPointer { memory.buffer.address(at: self) }

  /// The elements of a memory of float32.
  func floats(_ memory: Memory) -> UnsafeMutablePointer<Float> {
    bytes(memory).assumingMemoryBound(to: Float.self)
  }

  /// The elements of a memory's part in another tile; for what is computed once for all tiles.
  func floats(_ memory: Memory, ofTile tile: Int) -> UnsafeMutablePointer<Float> {
    Place(tile: tile, thread: thread, stream: stream, scratch: scratch).floats(memory)
  }
}

/// Bytes on a 64-byte boundary whose places a plan decides once all its steps are known: one for all tiles, one for
/// each, or, where nothing is kept from one region of the plan to the next, one for each thread.
final class Buffer {
  /// The bytes of one place.
  let byteCount: Int
  /// Whether each tile has bytes of its own.
  let isPerTile: Bool
  /// Whether the bytes must outlive the steps that touch them (parameters, taps, what the caller writes).
  let isPinned: Bool
  /// The first place; those of further tiles follow without gaps.
  private(set) var base: UnsafeMutableRawPointer?
  /// Its place in each thread's own memory instead.
  private(set) var scratchOffset: Int?
  private let owner: AnyObject?

  init(byteCount: Int, perTile: Bool, pinned: Bool) {
    self.byteCount = byteCount
    isPerTile = perTile
    isPinned = pinned
    owner = nil
  }

  /// Memory that somebody else owns and keeps in place: the bytes of one place, behind which those of further tiles lie.
  init(_ address: UnsafeMutableRawPointer, byteCount: Int, perTile: Bool = false, owner: AnyObject) {
    self.byteCount = byteCount
    isPerTile = perTile
    isPinned = true
    base = address
    self.owner = owner
  }

  var isPlaced: Bool { base != nil || scratchOffset != nil }
  func place(at address: UnsafeMutableRawPointer) { base = address }
  func place(inScratchAt offset: Int) { scratchOffset = offset }

  /// The bytes of all its places in a plan of so many tiles.
  func byteCount(tiles: Int) -> Int { isPerTile ? byteCount * tiles : byteCount }

  func address(at place: Place) -> UnsafeMutableRawPointer {
    if let scratchOffset { return place.scratch + scratchOffset }
    return isPerTile ? base! + place.tile * byteCount : base!
  }
}

/// How a tensor lies in memory: row by row, or in the blocks that a primitive likes.
final class Layout {
  let handle: OpaquePointer
  let shape: [Int]
  let element: onednn_element
  /// Padding included.
  let byteCount: Int

  private init(owning handle: OpaquePointer) {
    self.handle = handle
    var sizes = [Int64](repeating: 0, count: Int(onednn_largest_rank))
    let rank = onednn_layout_shape(handle, &sizes)
    shape = sizes.prefix(Int(rank)).map(Int.init)
    element = onednn_layout_element(handle)
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
  static func plain(_ shape: [Int], _ element: onednn_element = .float32) -> Layout {
    var strides = [Int64](repeating: 1, count: shape.count)
    for axis in stride(from: shape.count - 2, through: 0, by: -1) {
      strides[axis] = strides[axis + 1] * Int64(shape[axis + 1])
    }
    return strided(shape, strides, element)
  }

  /// Tokens × channels (N × T × C), row by row, as images of T × 1 pixels with the channels last: a convolution's
  /// view of them, N×C×T×1.
  static func pixels(ofTokens shape: [Int]) -> Layout {
    let (tokens, channels) = (Int64(shape[1]), Int64(shape[2]))
    return strided([shape[0], shape[2], shape[1], 1], [tokens * channels, 1, channels, channels])
  }

  /// The order in which activations are kept and go from plan to plan: images' channels in blocks, as this processor's
  /// convolutions take them, where they fill the blocks; everything else row by row.
  static func kept(_ shape: [Int]) -> Layout {
    let block = KeptOrder.block(of: Array(shape.dropFirst()))
    guard block > 1 else { return .plain(shape) }
    var handle: OpaquePointer?
    let status = onednn_layout_create_blocked(&handle, shape.map(Int64.init), Int32(block))
    guard status == 0, let handle else { preconditionFailure("BUG: no layout for \(shape)") }
    return Layout(owning: handle)
  }

  /// Of the given strides, in elements.
  static func strided(
    _ shape: [Int], _ strides: [Int64], _ element: onednn_element = .float32
  ) -> Layout {
    var handle: OpaquePointer?
    let status = onednn_layout_create_strided(
      &handle, element, Int32(shape.count), shape.map(Int64.init), strides)
    guard status == 0, let handle else { preconditionFailure("BUG: no layout for \(shape)") }
    return Layout(owning: handle)
  }

  /// In the layout that suits a primitive best; only to describe one.
  static func any(_ shape: [Int], _ element: onednn_element = .float32) -> Layout {
    var handle: OpaquePointer?
    let status = onednn_layout_create_any(
      &handle, element, Int32(shape.count), shape.map(Int64.init))
    guard status == 0, let handle else { preconditionFailure("BUG: no layout for \(shape)") }
    return Layout(owning: handle)
  }

  /// Whether values are bfloat16.
  var isHalf: Bool { element == .bfloat16 }

  func isSame(as other: Layout) -> Bool { onednn_layout_is_same(handle, other.handle) }

  /// N×C×H×W (or N×C) as our own loops see it: row-major, or channels in blocks; nil in any other order.
  var images: kernels_images? {
    guard shape.count == 2 || shape.count == 4 else { return nil }
    let block = Int(onednn_layout_channel_block(handle))
    guard block > 0, 16 % block == 0 else { return nil }
    return kernels_images(
      images: Int64(shape[0]), blocks: Int64((shape[1] + block - 1) / block), block: Int64(block),
      pixels: Int64(shape.dropFirst(2).reduce(1, *)), half: isHalf)
  }
}

/// A layout over a buffer, and oneDNN's memory objects for each of its places.
final class Memory {
  let layout: Layout
  let buffer: Buffer
  /// One for each place; those of threads come when the threads do.
  private var handles: [OpaquePointer] = []

  init(_ layout: Layout, _ buffer: Buffer) {
    precondition(layout.byteCount <= buffer.byteCount, "BUG: a layout larger than its buffer")
    self.layout = layout
    self.buffer = buffer
  }

  deinit { for handle in handles { onednn_memory_destroy(handle) } }

  /// Makes the objects of all tiles, once the buffer's place is decided.
  func attach(tiles: Int, _ engine: OpaquePointer) throws {
    guard let base = buffer.base else { return }
    for tile in 0..<(buffer.isPerTile ? tiles : 1) {
      try attach(base + tile * buffer.byteCount, engine)
    }
  }

  /// Makes the next thread's object, where each thread has one.
  func attach(scratch: UnsafeMutableRawPointer, _ engine: OpaquePointer) throws {
    guard let offset = buffer.scratchOffset else { return }
    try attach(scratch + offset, engine)
  }

  private func attach(_ address: UnsafeMutableRawPointer, _ engine: OpaquePointer) throws {
    var handle: OpaquePointer?
    try check(onednn_memory_create(&handle, layout.handle, engine), "memory \(layout.shape)")
    handles.append(handle!)
    try check(onednn_memory_place(handle!, address), "memory")
  }

  func handle(at place: Place) -> OpaquePointer {
    handles[buffer.scratchOffset != nil ? place.thread : buffer.isPerTile ? place.tile : 0]
  }

  /// Of one tile, where it has parts for each.
  var shape: [Int] { layout.shape }
  /// The number of values, padding included.
  var valueCount: Int { layout.byteCount / (layout.isHalf ? 2 : 4) }
}
