// Owns Ed25519 (RFC 8032), by libcrypto: keys, signing and verifying, values in and out. What is signed, and whose
// signatures count, is others' affair.

import CCrypto
import Canonical
import Foundation

/// Whoever holds its other half can sign so that it verifies.
public struct PublicKey: Hashable, Sendable, CustomStringConvertible {
  /// 32 of them.
  public let bytes: [UInt8]

  /// nil when there are not 32 bytes.
  public init?(bytes: some Collection<UInt8>) {
    guard bytes.count == 32 else { return nil }
    self.bytes = Array(bytes)
  }

  /// Reads `ed25519:` and the bytes in base64; nil for anything else.
  public init?(_ text: some StringProtocol) {
    guard text.hasPrefix(PublicKey.prefix),
      let data = Data(base64Encoded: String(text.dropFirst(PublicKey.prefix.count)))
    else { return nil }
    self.init(bytes: data)
  }

  private static let prefix = "ed25519:"

  public var description: String { PublicKey.prefix + Data(bytes).base64EncodedString() }

  /// What signatures call it: the first 16 digits of its SHA-256. Only a hint, since another may have the same.
  public var id: String { String(Digest.of(bytes).hex.prefix(16)) }

  /// Whether this is the signature of exactly these bytes by this key's holder.
  public func verifies(_ signature: [UInt8], of message: [UInt8]) -> Bool {
    guard signature.count == Signature.size,
      let key = EVP_PKEY_new_raw_public_key(NID_ED25519, nil, bytes, bytes.count)
    else { return false }
    defer { EVP_PKEY_free(key) }
    let context = EVP_MD_CTX_new()
    defer { EVP_MD_CTX_free(context) }
    return EVP_DigestVerifyInit(context, nil, nil, nil, key) == 1
      && EVP_DigestVerify(context, signature, signature.count, message, message.count) == 1
  }
}

/// The half that signs. It is never shown: what prints a value of it prints its public half.
public struct PrivateKey: Sendable, CustomStringConvertible, CustomReflectable {
  private let seed: [UInt8]
  public let publicKey: PublicKey

  /// A new one, at random.
  public init() {
    var generator = SystemRandomNumberGenerator()
    self.init(seed: (0..<32).map { _ in UInt8.random(in: .min ... .max, using: &generator) })!
  }

  /// The key of RFC 8032's 32 secret bytes; nil when there are not 32.
  public init?(seed: some Collection<UInt8>) {
    guard seed.count == 32 else { return nil }
    let seed = Array(seed)
    guard let key = EVP_PKEY_new_raw_private_key(NID_ED25519, nil, seed, seed.count) else {
      preconditionFailure("BUG: libcrypto has no Ed25519")
    }
    defer { EVP_PKEY_free(key) }
    var half = [UInt8](repeating: 0, count: 32)
    var count = half.count
    guard EVP_PKEY_get_raw_public_key(key, &half, &count) == 1, let publicKey = PublicKey(bytes: half) else {
      preconditionFailure("BUG: libcrypto has no public half of an Ed25519 key")
    }
    (self.seed, self.publicKey) = (seed, publicKey)
  }

  public var description: String { "the private half of \(publicKey)" }
  public var customMirror: Mirror { Mirror(self, children: ["publicKey": publicKey]) }

  /// The signature of some bytes: 64 bytes, always the same.
  public func signature(of message: [UInt8]) -> [UInt8] {
    let key = EVP_PKEY_new_raw_private_key(NID_ED25519, nil, seed, seed.count)
    defer { EVP_PKEY_free(key) }
    let context = EVP_MD_CTX_new()
    defer { EVP_MD_CTX_free(context) }
    var signature = [UInt8](repeating: 0, count: Signature.size)
    var count = signature.count
    guard EVP_DigestSignInit(context, nil, nil, nil, key) == 1,
      EVP_DigestSign(context, &signature, &count, message, message.count) == 1, count == Signature.size
    else { preconditionFailure("BUG: libcrypto can't sign") }
    return signature
  }

  /// What a file of its own says; only `KeyFolder` asks.
  var fileText: String { PrivateKey.heading + Data(seed).base64EncodedString() + "\n" }

  /// Reads `fileText`; nil for anything else.
  init?(fileText: String) {
    guard fileText.hasPrefix(PrivateKey.heading),
      let seed = Data(
        base64Encoded: fileText.dropFirst(PrivateKey.heading.count).trimmingCharacters(in: .newlines))
    else { return nil }
    self.init(seed: seed)
  }

  private static let heading = "bobbin private key ed25519\n"
}

/// A signature as it stands in a line below what it signs: `signature ed25519 <key id> <base64>`.
struct Signature: Hashable, Sendable {
  static let size = 64

  var id: String
  var bytes: [UInt8]

  var line: String { "signature ed25519 \(id) " + Data(bytes).base64EncodedString() }

  /// What a line says.
  enum Reading {
    case signature(Signature)
    /// Made in a way that this version doesn't know. It counts for nothing and is kept.
    case unknown
    /// No line of the kind.
    case wrong
  }

  static func read(_ line: String) -> Reading {
    let words = line.split(separator: " ", omittingEmptySubsequences: false)
    guard words.count == 4, words[0] == "signature", words.allSatisfy({ !$0.isEmpty }) else { return .wrong }
    guard words[1] == "ed25519" else { return .unknown }
    guard words[2].utf8.count == 16, words[2].utf8.allSatisfy(isHexDigit),
      let data = Data(base64Encoded: String(words[3])), data.count == size
    else { return .wrong }
    return .signature(Signature(id: String(words[2]), bytes: Array(data)))
  }
}

private func isHexDigit(_ c: UInt8) -> Bool {
  (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(c) || (UInt8(ascii: "a")...UInt8(ascii: "f")).contains(c)
}
