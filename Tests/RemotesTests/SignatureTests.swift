import Canonical
import Foundation
import Testing

import Remotes

/// Signature Version 4 beside what AWS publishes.
@Suite struct SignatureTests {
  /// "Examples: Signature Calculations", all with the same key and time.
  /// https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html
  struct Example: Sendable, CustomTestStringConvertible {
    var method: String
    var path: String
    var query: [(name: String, value: String)] = []
    var headers: [(name: String, value: String)] = []
    var body = ""
    var signature: String
    var testDescription: String { "\(method) \(path)" }
  }

  @Test(arguments: [
    Example(
      method: "GET", path: "/test.txt", headers: [("Range", "bytes=0-9")],
      signature: "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"),
    Example(
      method: "PUT", path: "/test%24file.text",
      headers: [("Date", "Fri, 24 May 2013 00:00:00 GMT"), ("x-amz-storage-class", "REDUCED_REDUNDANCY")],
      body: "Welcome to Amazon S3.",
      signature: "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd"),
    Example(
      method: "GET", path: "/", query: [("lifecycle", "")],
      signature: "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543"),
    Example(
      method: "GET", path: "/", query: [("prefix", "J"), ("max-keys", "2")],
      signature: "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7"),
  ]) func theServicesOwnExamplesAreSignedAsItSays(example: Example) throws {
    let signature = Signature(
      key: .init(id: "AKIAIOSFODNN7EXAMPLE", secret: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"),
      region: "us-east-1")
    let headers = signature.headers(
      example.method, host: "examplebucket.s3.amazonaws.com", path: example.path, query: example.query,
      headers: example.headers, payload: Digest.of(example.body.utf8).hex,
      at: Date(timeIntervalSince1970: 1_369_353_600))
    let authorisation = try #require(headers.last { $0.name == "Authorization" }).value
    #expect(authorisation.hasSuffix("Signature=\(example.signature)"))
    #expect(
      authorisation.hasPrefix(
        "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request,SignedHeaders="
      ))
  }

  /// RFC 4231, cases 1, 2 and 6.
  @Test(arguments: [
    (
      [UInt8](repeating: 0x0b, count: 20), "Hi There",
      "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"
    ),
    (
      Array("Jefe".utf8), "what do ya want for nothing?",
      "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
    ),
    (
      [UInt8](repeating: 0xaa, count: 131), "Test Using Larger Than Block-Size Key - Hash Key First",
      "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"
    ),
  ]) func authenticationCodesAreThoseOfTheStandard(key: [UInt8], text: String, code: String) {
    #expect(authenticationCode(text, key).hex == code)
  }

  @Test func aTokenIsSentAndSigned() {
    let signature = Signature(key: .init(id: "a", secret: "b", token: "t"), region: "r")
    let headers = signature.headers("GET", host: "h", path: "/", payload: "p", at: Date())
    #expect(headers.contains { $0 == ("x-amz-security-token", "t") })
    #expect(
      headers.last!.value.contains("SignedHeaders=host;x-amz-content-sha256;x-amz-date;x-amz-security-token,")
    )
  }

  @Test(arguments: [("a b/ä~", "a%20b%2F%C3%A4~", "a%20b/%C3%A4~"), ("=&+*", "%3D%26%2B%2A", "%3D%26%2B%2A")])
  func textsAreEscapedByteByByte(text: String, all: String, path: String) {
    #expect(Signature.escaped(text) == all)
    #expect(Signature.escaped(text, keepingSlashes: true) == path)
  }
}
