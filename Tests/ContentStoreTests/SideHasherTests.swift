import Canonical
import Testing

import ContentStore

/// What another thread hashes.
@Suite struct SideHasherTests {
  @Test(arguments: [0, 1, 16_384, 1 << 20, 1 << 20 + 1, 3 << 20, 5_000_001], [1000, 16_384, 3 << 20])
  func itIsTheDigestOfAllThatCame(size: Int, piece: Int) {
    let bytes = (0..<size).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 11) }
    let hasher = SideHasher()
    bytes.withUnsafeBytes {
      for start in stride(from: 0, to: size, by: piece) {
        hasher.update(UnsafeRawBufferPointer(rebasing: $0[start..<min(size, start + piece)]))
      }
    }
    #expect(hasher.soFar() == Digest.of(bytes))
    // And what follows counts as well.
    bytes.withUnsafeBytes { hasher.update($0) }
    #expect(hasher.soFar() == Digest.of(bytes + bytes))
  }

  @Test func itMayBeLeftUnfinished() {
    for _ in 0..<20 {
      let hasher = SideHasher()
      [UInt8](repeating: 1, count: 3 << 20).withUnsafeBytes { hasher.update($0) }
    }
  }
}
