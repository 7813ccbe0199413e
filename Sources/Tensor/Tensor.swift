// Owns the one array type of the numerics: dense, row-major Float32. It deliberately doesn't know layouts,
// devices or gradients; blocked layouts live inside compiled plans.

/// A dense array of Float32 in row-major order (NCHW for images), with value semantics.
///
/// Copies share storage until one of them is written. The storage starts on a 64-byte boundary, as oneDNN
/// and the widest vector loads want it.
public struct Tensor: Sendable {
  /// The extent of each axis, outermost first. An empty shape is a scalar.
  public private(set) var shape: [Int]
  private var storage: Storage

  /// The number of elements.
  public var count: Int { storage.count }

  /// A tensor filled with zeros.
  public init(zeros shape: [Int]) {
    self.shape = shape
    storage = Storage(count: shape.reduce(1, *))
    storage.base.initialize(repeating: 0, count: storage.count)
  }

  /// A tensor whose elements the closure writes; it gets uninitialised memory and must write all of it.
  public init(
    shape: [Int], initializingWith body: (UnsafeMutableBufferPointer<Float>) throws -> Void
  ) rethrows {
    self.shape = shape
    storage = Storage(count: shape.reduce(1, *))
    try body(UnsafeMutableBufferPointer(start: storage.base, count: storage.count))
  }

  /// A tensor of the given values in row-major order; there must be as many as the shape has elements.
  public init(shape: [Int], values: some Collection<Float>) {
    precondition(values.count == shape.reduce(1, *), "BUG: \(values.count) values for shape \(shape)")
    self.init(shape: shape) { _ = $0.initialize(from: values) }
  }

  /// The elements in row-major order, copied.
  public var values: [Float] { withUnsafeValues { Array($0) } }

  /// The same elements under another shape of the same count; storage is shared.
  public func reshaped(_ shape: [Int]) -> Tensor {
    precondition(shape.reduce(1, *) == count, "BUG: can't reshape \(self.shape) to \(shape)")
    var result = self
    result.shape = shape
    return result
  }

  /// Reads the elements in place.
  public func withUnsafeValues<R>(_ body: (UnsafeBufferPointer<Float>) throws -> R) rethrows -> R {
    defer { withExtendedLifetime(storage) {} }
    return try body(UnsafeBufferPointer(start: storage.base, count: storage.count))
  }

  /// Writes the elements in place, after making the storage this tensor's own.
  public mutating func withUnsafeMutableValues<R>(
    _ body: (UnsafeMutableBufferPointer<Float>) throws -> R
  ) rethrows -> R {
    if !isKnownUniquelyReferenced(&storage) {
      let copy = Storage(count: storage.count)
      copy.base.initialize(from: storage.base, count: storage.count)
      storage = copy
    }
    defer { withExtendedLifetime(storage) {} }
    return try body(UnsafeMutableBufferPointer(start: storage.base, count: storage.count))
  }
}

extension Tensor {
  /// The first element that is infinite or no number, by its index along each axis; nil where there is none.
  public var firstNotFinite: (index: [Int], value: Float)? {
    withUnsafeValues { values in
      guard var offset = values.firstIndex(where: { !$0.isFinite }) else { return nil }
      let value = values[offset]
      var index: [Int] = []
      for extent in shape.reversed() {
        index.insert(offset % extent, at: 0)
        offset /= extent
      }
      return (index, value)
    }
  }
}

extension Tensor: Equatable {
  /// Same shape and equal elements (so NaN differs from NaN, and 0 equals −0).
  public static func == (a: Tensor, b: Tensor) -> Bool {
    a.shape == b.shape
      && a.withUnsafeValues { x in b.withUnsafeValues { y in x.elementsEqual(y) } }
  }
}

/// Memory of fixed size, written only by a tensor that is its sole owner.
private final class Storage: @unchecked Sendable {
  let base: UnsafeMutablePointer<Float>
  let count: Int

  init(count: Int) {
    self.count = count
    let raw = UnsafeMutableRawPointer.allocate(
      byteCount: max(count, 1) * MemoryLayout<Float>.stride, alignment: 64)
    base = raw.bindMemory(to: Float.self, capacity: max(count, 1))
  }

  deinit { UnsafeMutableRawPointer(base).deallocate() }
}
