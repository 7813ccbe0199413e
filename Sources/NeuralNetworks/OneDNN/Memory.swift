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

/// A oneDNN memory object: a layout over a buffer.
final class Memory {
  let desc: dnnl_memory_desc_t
  let buffer: Buffer
  let handle: dnnl_memory_t

  init(_ desc: dnnl_memory_desc_t, _ buffer: Buffer, _ engine: dnnl_engine_t) throws {
    precondition(desc.byteCount <= buffer.byteCount, "BUG: a layout larger than its buffer")
    var handle: dnnl_memory_t?
    var copy = desc
    try check(dnnl_memory_create(&handle, &copy, engine, nil), "memory \(desc.shape)")
    self.desc = desc
    self.buffer = buffer
    self.handle = handle!
  }

  deinit { dnnl_memory_destroy(handle) }

  /// Tells oneDNN the place, once it is decided.
  func attach() throws { try check(dnnl_memory_set_data_handle(handle, buffer.address), "memory") }

  /// All elements, padding included, in the layout's order. Only after `attach`.
  var floats: UnsafeMutablePointer<Float> { buffer.address!.assumingMemoryBound(to: Float.self) }
  /// The number of floats, padding included.
  var floatCount: Int { desc.byteCount / 4 }
}

extension dnnl_memory_desc_t {
  /// Row-major float32.
  static func plain(_ shape: [Int]) -> dnnl_memory_desc_t {
    var strides = [Int64](repeating: 1, count: shape.count)
    for axis in stride(from: shape.count - 2, through: 0, by: -1) {
      strides[axis] = strides[axis + 1] * Int64(shape[axis + 1])
    }
    var desc = dnnl_memory_desc_t()
    let status = dnnl_memory_desc_init_by_strides(
      &desc, Int32(shape.count), shape.map(Int64.init), dnnl_f32, strides)
    precondition(status == dnnl_success, "BUG: no layout for \(shape)")
    return desc
  }

  /// Float32 in the layout that suits a primitive best.
  static func any(_ shape: [Int]) -> dnnl_memory_desc_t {
    var desc = dnnl_memory_desc_t()
    let status = dnnl_memory_desc_init_by_tag(
      &desc, Int32(shape.count), shape.map(Int64.init), dnnl_f32, dnnl_format_tag_any)
    precondition(status == dnnl_success, "BUG: no layout for \(shape)")
    return desc
  }

  var shape: [Int] {
    withUnsafeBytes(of: dims) { raw in raw.bindMemory(to: Int64.self).prefix(Int(ndims)).map(Int.init) }
  }

  var byteCount: Int {
    withUnsafePointer(to: self) { dnnl_memory_desc_get_size($0) }
  }

  func isSameLayout(as other: dnnl_memory_desc_t) -> Bool {
    withUnsafePointer(to: self) { a in
      withUnsafePointer(to: other) { b in dnnl_memory_desc_equal(a, b) != 0 }
    }
  }
}
