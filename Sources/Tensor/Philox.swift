// Owns randomness: a counter-based generator, so that a number depends on what it is for, not on what was
// drawn before it.

/// Philox4x32-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011).
///
/// A stream is named by a seed and a purpose; within it, numbers are addressed by counter. Draws by
/// different workers, in any order, give the same bits.
public struct Philox: Sendable {
  private let key: (UInt32, UInt32)
  private let stream: UInt64

  /// The stream of `seed` for `purpose`, a short fixed text such as `"crop"`.
  public init(seed: UInt64, purpose: StaticString) {
    key = (UInt32(truncatingIfNeeded: seed), UInt32(truncatingIfNeeded: seed >> 32))
    // FNV-1a, 64 bit, of the purpose.
    stream = purpose.withUTF8Buffer { bytes in
      bytes.reduce(0xcbf2_9ce4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01b3 }
    }
  }

  /// The four words at `counter`, uniform over all 32-bit values.
  public func words(at counter: UInt64) -> SIMD4<UInt32> {
    var c = SIMD4<UInt32>(
      UInt32(truncatingIfNeeded: counter), UInt32(truncatingIfNeeded: counter >> 32),
      UInt32(truncatingIfNeeded: stream), UInt32(truncatingIfNeeded: stream >> 32))
    var k = key
    for _ in 0..<10 {
      let a = UInt64(c[0]) &* 0xD251_1F53
      let b = UInt64(c[2]) &* 0xCD9E_8D57
      c = SIMD4(
        UInt32(truncatingIfNeeded: b >> 32) ^ c[1] ^ k.0, UInt32(truncatingIfNeeded: b),
        UInt32(truncatingIfNeeded: a >> 32) ^ c[3] ^ k.1, UInt32(truncatingIfNeeded: a))
      k = (k.0 &+ 0x9E37_79B9, k.1 &+ 0xBB67_AE85)
    }
    return c
  }

  /// Uniform in [0, 1), with 24 bits.
  public func uniform(at index: UInt64) -> Float {
    Float(words(at: index >> 2)[Int(index & 3)] >> 8) * 0x1p-24
  }

  /// Uniform in 0..<bound, without bias worth naming (64-bit multiply-shift).
  public func integer(at index: UInt64, below bound: Int) -> Int {
    let w = words(at: index)
    let wide = (UInt64(w[0]) << 32 | UInt64(w[1])).multipliedFullWidth(by: UInt64(bound))
    return Int(wide.high)
  }

  /// A permutation of 0..<count (Fisher–Yates); `epoch` selects one of many.
  public func permutation(of count: Int, epoch: UInt64 = 0) -> [Int] {
    var order = Array(0..<count)
    for i in stride(from: count - 1, to: 0, by: -1) {
      order.swapAt(i, integer(at: epoch << 32 | UInt64(i), below: i + 1))
    }
    return order
  }
}
