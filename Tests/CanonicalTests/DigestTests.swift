import Canonical
import Foundation
import Testing

@Suite struct DigestTests {
  /// FIPS 180-4's examples, and a million times "a".
  @Test(arguments: [
    ("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
    ("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
    (
      "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
      "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"
    ),
    (
      String(repeating: "a", count: 1_000_000),
      "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"
    ),
  ])
  func digestsAreSHA256(text: String, hex: String) {
    #expect(Digest.of(text.utf8).hex == hex)
    #expect(Digest.of(AnySequence(text.utf8)).hex == hex)
    var hasher = Hasher256()
    let bytes = Array(text.utf8)
    bytes.withUnsafeBytes { hasher.update(UnsafeRawBufferPointer(rebasing: $0[..<($0.count / 3)])) }
    #expect(hasher.soFar() == Digest.of(bytes.prefix(bytes.count / 3)))
    bytes.withUnsafeBytes { hasher.update(UnsafeRawBufferPointer(rebasing: $0[($0.count / 3)...])) }
    #expect(hasher.finish().hex == hex)
  }

  /// Once, words with the top bit set made `hex` trap.
  @Test func everyByteIsSpeltInBothDirections() throws {
    for start in stride(from: 0, to: 256, by: 32) {
      let bytes = (start..<start + 32).map { UInt8($0) }
      let digest = try #require(Digest(bytes: bytes))
      #expect(digest.bytes == bytes)
      #expect(digest.hex == bytes.map { String(format: "%02x", $0) }.joined())
      #expect(Digest(hex: digest.hex) == digest)
    }
  }

  @Test func whatIsNoDigestIsRefused() {
    let good = Digest.of("".utf8).hex
    for text in ["", "e3", good + "0", String(good.dropLast()), good.uppercased(), "g" + good.dropFirst()] {
      #expect(Digest(hex: text) == nil)
    }
    #expect(Digest(bytes: [UInt8](repeating: 0, count: 31)) == nil)
  }

  @Test func digestsSortAsTheirSpelling() {
    let digests = (0..<100).map { Digest.of("\($0)".utf8) }
    #expect(digests.sorted().map(\.hex) == digests.map(\.hex).sorted())
  }
}
