// Owns the elementwise loops between primitives. They work on any layout, padding included, and may work in
// place.

enum Kernels {
  typealias Source = UnsafePointer<Float>
  typealias Target = UnsafeMutablePointer<Float>

  /// target = a + b
  static func add(_ a: Source, _ b: Source, into target: Target, _ count: Int) {
    for i in 0..<count { target[i] = a[i] + b[i] }
  }

  /// target = 0 where the ReLU's output is at most 0, else a + b
  static func add(_ a: Source, _ b: Source, where output: Source, into target: Target, _ count: Int) {
    select(where: output, into: target, count, { load(a, $0) + load(b, $0) }, { a[$0] + b[$0] })
  }

  /// target = 0 where the ReLU's output is at most 0, else a: what is no number stays so
  static func mask(_ a: Source, where output: Source, into target: Target, _ count: Int) {
    select(where: output, into: target, count, { load(a, $0) }, { a[$0] })
  }

  /// target = max(a, 0)
  static func relu(_ a: Source, into target: Target, _ count: Int) {
    mask(a, where: a, into: target, count)
  }

  /// Sixteen at a time by hand: the compiler may not load what a condition could skip, and so would branch.
  @inline(__always)
  private static func select(
    where output: Source, into target: Target, _ count: Int, _ wide: (Int) -> SIMD16<Float>,
    _ single: (Int) -> Float
  ) {
    let whole = count & ~15
    for i in stride(from: 0, to: whole, by: 16) {
      let value = wide(i).replacing(with: 0, where: load(output, i) .<= 0)
      UnsafeMutableRawPointer(target + i).storeBytes(of: value, as: SIMD16<Float>.self)
    }
    for i in whole..<count { target[i] = output[i] <= 0 ? 0 : single(i) }
  }

  @inline(__always)
  private static func load(_ source: Source, _ i: Int) -> SIMD16<Float> {
    UnsafeRawPointer(source + i).loadUnaligned(as: SIMD16<Float>.self)
  }
}
