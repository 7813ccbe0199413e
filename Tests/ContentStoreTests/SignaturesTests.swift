import Foundation
import Testing

import ContentStore

private func bytes(_ hex: String) -> [UInt8] {
  stride(from: 0, to: hex.utf8.count, by: 2).map { i in
    UInt8(hex.dropFirst(i).prefix(2), radix: 16)!
  }
}

/// RFC 8032, section 7.1.
@Test(arguments: [
  (
    "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
    "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", "",
    "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b"
  ),
  (
    "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
    "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c", "72",
    "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"
  ),
  (
    "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
    "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025", "af82",
    "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a"
  ),
])
func signaturesAreThoseOfTheStandard(seed: String, half: String, message: String, signature: String) throws {
  let key = try #require(PrivateKey(seed: bytes(seed)))
  #expect(key.publicKey.bytes == bytes(half))
  #expect(key.signature(of: bytes(message)) == bytes(signature))
  #expect(key.publicKey.verifies(bytes(signature), of: bytes(message)))
  for i in [0, 31, 32, 63] {
    var wrong = bytes(signature)
    wrong[i] ^= 1
    #expect(!key.publicKey.verifies(wrong, of: bytes(message)))
  }
  #expect(!key.publicKey.verifies(bytes(signature), of: bytes(message) + [0]))
  #expect(!key.publicKey.verifies(Array(bytes(signature).dropLast()), of: bytes(message)))
}

@Test func aPublicKeyIsReadAsItIsPrinted() {
  let key = PrivateKey().publicKey
  #expect(PublicKey("\(key)") == key)
  for wrong in ["", "ed25519:", "ed25519:AAAA", "rsa:\(key)", "\(key)A", "\(key) "] {
    #expect(PublicKey(wrong) == nil, "\(wrong)")
  }
}

@Test func signaturesStandInLinesBelowTheText() throws {
  let text = Array(#"{"a":1}"#.utf8)
  let (anna, ben) = (PrivateKey(), PrivateKey())
  let signed = SignedText(text).signed(by: anna).signed(by: ben)
  #expect(signed.lines.count == 2)
  #expect(signed.signed(by: anna) == signed)
  let read = try SignedText(parsing: signed.bytes)
  #expect(read == signed && read.text == text)
  #expect(read.signer(among: [ben.publicKey, anna.publicKey]) == ben.publicKey)
  #expect(read.signer(among: [PrivateKey().publicKey]) == nil)
  #expect(try SignedText(parsing: text).bytes == text)
  // What a later version may sign with is kept, and counts for nothing.
  let later = try SignedText(parsing: text + Array("\nsignature ml-dsa 12 AAAA".utf8))
  #expect(later.lines.count == 1 && later.signer(among: [anna.publicKey]) == nil)
  #expect(later.signed(by: anna).lines.count == 2)
}

@Test(arguments: [
  ("\n", 1), ("\nsignature", 1), ("\nsignature ed25519 0123456789abcdef", 1),
  ("\nsignature ed25519 0123456789abcdef !!!!", 1),
  ("\nsignature ed25519 0123456789ABCDEF \(Data(count: 64).base64EncodedString())", 1),
  ("\nsignature ed25519 0123456789abcdef \(Data(count: 63).base64EncodedString())", 1),
  ("\nsignature  ed25519 0123456789abcdef", 1), ("\nsomething else", 1), ("\nsignature x y z\n", 1),
  ("\nsignature x y \u{1}", 1), ("\nsignature x y \(String(repeating: "A", count: 400))", 1),
  ("\nsignature x y z", 33), ("\nsignature x y z", 10_000),
])
func whatIsNoSignatureMakesARecordWrong(line: String, times: Int) {
  let text = "{}" + String(repeating: line, count: times)
  #expect(throws: StoreError.self) { try SignedText(parsing: Array(text.utf8)) }
}
