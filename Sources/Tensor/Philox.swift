// Owns randomness: a counter-based generator, so that a number depends on what it is for, not on what was
// drawn before it. What numbers are for is in Purpose.swift.

/// Philox4x32-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011).
///
/// A stream is named by a seed, a purpose and an index; within it, numbers are addressed by counter. Draws by
/// different workers, in any order, give the same bits. The 128 bits of the generator's counter are
///
///     counter (64 bits) | index (32 bits) | purpose (16 bits) | form (16 bits)
///
/// and its key is the seed, so that no two streams, and no two forms of numbers in one stream, read the same
/// block: `normal(at: 0)` and `uniform(at: 0)` have nothing to do with one another.
public struct Philox: Sendable {
  private let seed: UInt64
  private let purpose: Purpose
  private let index: UInt32

  /// What is made of a block.
  private enum Form: UInt32 { case words, uniform, normal, integer }

  /// The stream of `seed` for `purpose`; `index` counts what the purpose says.
  public init(seed: UInt64, purpose: Purpose, index: UInt32 = 0) {
    self.seed = seed
    self.purpose = purpose
    self.index = index
  }

  /// The stream of the same seed and purpose with another index.
  public func stream(_ index: Int) -> Philox {
    Philox(seed: seed, purpose: purpose, index: UInt32(index))
  }

  /// Four words at `counter`, uniform over all 32-bit values.
  public func words(at counter: UInt64) -> SIMD4<UInt32> { block(.words, counter) }

  /// Uniform in [0, 1), with 24 bits.
  public func uniform(at counter: UInt64) -> Float {
    Float(block(.uniform, counter >> 2)[Int(counter & 3)] >> 8) * 0x1p-24
  }

  /// Standard normal (Box and Muller), from 106 bits.
  public func normal(at counter: UInt64) -> Double {
    let w = block(.normal, counter)
    let u = Double((UInt64(w[0]) << 32 | UInt64(w[1])) >> 11 + 1) * 0x1p-53  // in (0, 1]
    let v = Double((UInt64(w[2]) << 32 | UInt64(w[3])) >> 11) * 0x1p-53  // in [0, 1)
    return (-2 * Elementary.log(u)).squareRoot() * Elementary.cosine(turns: v)
  }

  /// Uniform in 0..<bound, without bias worth naming (64-bit multiply-shift).
  public func integer(at counter: UInt64, below bound: Int) -> Int {
    let w = block(.integer, counter)
    let wide = (UInt64(w[0]) << 32 | UInt64(w[1])).multipliedFullWidth(by: UInt64(bound))
    return Int(wide.high)
  }

  /// A permutation of 0..<count (Fisher–Yates).
  public func permutation(of count: Int) -> [Int] {
    var order = Array(0..<count)
    for i in stride(from: count - 1, to: 0, by: -1) {
      order.swapAt(i, integer(at: UInt64(i), below: i + 1))
    }
    return order
  }

  /// `size` of the numbers 0..<count without replacement, ascending; all of them where there are no more.
  public func sample(_ size: Int, of count: Int) -> [Int] {
    guard size < count else { return Array(0..<count) }
    var order = Array(0..<count)
    for i in 0..<size { order.swapAt(i, i + integer(at: UInt64(i), below: count - i)) }
    return order[..<size].sorted()
  }

  private func block(_ form: Form, _ counter: UInt64) -> SIMD4<UInt32> {
    Philox.block(
      counter: SIMD4(
        UInt32(truncatingIfNeeded: counter), UInt32(truncatingIfNeeded: counter >> 32), index,
        UInt32(purpose.rawValue) << 16 | form.rawValue),
      key: SIMD2(UInt32(truncatingIfNeeded: seed), UInt32(truncatingIfNeeded: seed >> 32)))
  }

  /// The generator itself: ten rounds.
  package static func block(counter: SIMD4<UInt32>, key: SIMD2<UInt32>) -> SIMD4<UInt32> {
    var (c, k) = (counter, key)
    for _ in 0..<10 {
      let a = UInt64(c[0]) &* 0xD251_1F53
      let b = UInt64(c[2]) &* 0xCD9E_8D57
      c = SIMD4(
        UInt32(truncatingIfNeeded: b >> 32) ^ c[1] ^ k[0], UInt32(truncatingIfNeeded: b),
        UInt32(truncatingIfNeeded: a >> 32) ^ c[3] ^ k[1], UInt32(truncatingIfNeeded: a))
      k = k &+ SIMD2(0x9E37_79B9, 0xBB67_AE85)
    }
    return c
  }
}
