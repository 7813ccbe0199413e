// Owns the identity of content: SHA-256 (FIPS 180-4), by libcrypto, which uses the processor's instructions.

import CCrypto

/// A SHA-256 digest: of a blob's uncompressed bytes, of a manifest, or of an action (then it is a key).
public struct Digest: Hashable, Sendable, Comparable, CustomStringConvertible {
  // Four words rather than a vector, which would be aligned to 32 bytes: a graph keeps a million of them.
  private let words: (UInt64, UInt64, UInt64, UInt64)

  /// The 32 bytes in order; nil when there are not 32.
  public init?(bytes: some Collection<UInt8>) {
    let digest = Array(bytes).withUnsafeBytes { Digest(bytes: $0) }
    guard let digest else { return nil }
    self = digest
  }

  /// The same of bytes in a buffer; a hundred thousand digests are read from an index.
  public init?(bytes: UnsafeRawBufferPointer) {
    guard bytes.count == 32 else { return nil }
    func word(_ i: Int) -> UInt64 {
      UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: 8 * i, as: UInt64.self))
    }
    words = (word(0), word(1), word(2), word(3))
  }

  /// 64 lower-case hexadecimal digits; nil for anything else.
  public init?(hex: some StringProtocol) {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(32)
    var high: UInt8?
    for c in hex.utf8 {
      let nibble: UInt8
      switch c {
      case UInt8(ascii: "0")...UInt8(ascii: "9"): nibble = c - UInt8(ascii: "0")
      case UInt8(ascii: "a")...UInt8(ascii: "f"): nibble = c - UInt8(ascii: "a") + 10
      default: return nil
      }
      if let h = high { bytes.append(h << 4 | nibble); high = nil } else { high = nibble }
    }
    guard high == nil else { return nil }
    self.init(bytes: bytes)
  }

  /// The digest of some bytes in memory.
  public static func of(_ bytes: some Sequence<UInt8>) -> Digest {
    var hasher = Hasher256()
    if bytes.withContiguousStorageIfAvailable({ hasher.update(UnsafeRawBufferPointer($0)) }) == nil {
      Array(bytes).withUnsafeBytes { hasher.update($0) }
    }
    return hasher.finish()
  }

  /// The digest of an array; keys are made of many.
  public static func of(_ bytes: [UInt8]) -> Digest {
    var hasher = Hasher256()
    bytes.withUnsafeBytes { hasher.update($0) }
    return hasher.finish()
  }

  /// The 32 bytes.
  public var bytes: [UInt8] { withBytes { Array($0) } }

  /// Hands the 32 bytes, in order, to `body`.
  public func withBytes<T>(_ body: (UnsafeRawBufferPointer) throws -> T) rethrows -> T {
    let ordered = (words.0.bigEndian, words.1.bigEndian, words.2.bigEndian, words.3.bigEndian)
    return try withUnsafeBytes(of: ordered, body)
  }

  /// 64 lower-case hexadecimal digits.
  public var hex: String {
    String(unsafeUninitializedCapacity: 64) {
      writeHex(to: $0)
      return 64
    }
  }

  /// Appends the 64 digits of `hex`; a hundred thousand keys are made of many of them.
  public func appendHex(to out: inout [UInt8]) {
    withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 64) { digits in
      writeHex(to: digits)
      out.append(contentsOf: digits)
    }
  }

  /// Fills 64 bytes with the digits.
  private func writeHex(to digits: UnsafeMutableBufferPointer<UInt8>) {
    withBytes { bytes in
      for (i, byte) in bytes.enumerated() {
        digits[2 * i] = Digest.digit(byte >> 4)
        digits[2 * i + 1] = Digest.digit(byte & 15)
      }
    }
  }

  private static func digit(_ nibble: UInt8) -> UInt8 {
    nibble < 10 ? UInt8(ascii: "0") + nibble : UInt8(ascii: "a") + nibble - 10
  }

  public var description: String { hex }

  public static func < (a: Digest, b: Digest) -> Bool { a.words < b.words }

  public static func == (a: Digest, b: Digest) -> Bool { a.words == b.words }

  /// One word is as evenly spread as all of them.
  public func hash(into hasher: inout Hasher) { hasher.combine(words.0) }
}

/// SHA-256 over bytes that arrive in pieces.
public struct Hasher256: ~Copyable {
  private let context: OpaquePointer

  public init() {
    context = EVP_MD_CTX_new()
    guard EVP_DigestInit_ex(context, EVP_sha256(), nil) == 1 else {
      preconditionFailure("BUG: libcrypto has no SHA-256")
    }
  }

  deinit { EVP_MD_CTX_free(context) }

  public mutating func update(_ bytes: UnsafeRawBufferPointer) {
    _ = EVP_DigestUpdate(context, bytes.baseAddress, bytes.count)
  }

  /// The digest of all that has come; nothing more may follow. (Not `consuming`: without optimisation the compiler
  /// lets nothing be consumed that a nested function uses too.)
  public mutating func finish() -> Digest { Hasher256.result(of: context) }

  /// The digest of what has come until now; more may follow.
  public func soFar() -> Digest {
    let copy = EVP_MD_CTX_new()
    defer { EVP_MD_CTX_free(copy) }
    _ = EVP_MD_CTX_copy_ex(copy, context)
    return Hasher256.result(of: copy!)
  }

  private static func result(of context: OpaquePointer) -> Digest {
    withUnsafeTemporaryAllocation(byteCount: 32, alignment: 8) { out in
      _ = EVP_DigestFinal_ex(context, out.baseAddress, nil)
      return Digest(bytes: UnsafeRawBufferPointer(out))!
    }
  }
}
