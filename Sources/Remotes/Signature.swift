// Owns AWS Signature Version 4: what is asked goes in as values, the headers that prove who asks come out. It knows
// nothing of S3 but that paths are escaped once.
//
// https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html

import Canonical
import Foundation

/// Signs requests to a service in a region.
package struct Signature: Sendable {
  package struct Key: Equatable, Sendable {
    package var id: String
    var secret: String
    /// Of credentials that last for hours.
    var token: String?

    package init(id: String, secret: String, token: String? = nil) {
      (self.id, self.secret, self.token) = (id, secret, token)
    }
  }

  var key: Key
  var region: String
  var service = "s3"

  package init(key: Key, region: String, service: String = "s3") {
    (self.key, self.region, self.service) = (key, region, service)
  }

  /// What a signed body may be whose digest isn't known beforehand.
  package static let unsignedPayload = "UNSIGNED-PAYLOAD"

  /// The headers to send beside `headers`, `Authorization` among them.
  /// - Parameters:
  ///   - path: escaped, and as it is sent.
  ///   - query: unescaped.
  ///   - headers: others that are to be signed.
  ///   - payload: the hexadecimal SHA-256 of the body, or `unsignedPayload`.
  package func headers(
    _ method: String, host: String, path: String, query: [(name: String, value: String)] = [],
    headers: [(name: String, value: String)] = [], payload: String, at time: Date
  ) -> [(name: String, value: String)] {
    let stamp = Signature.stamp(time)
    var added = [("x-amz-content-sha256", payload), ("x-amz-date", stamp)]
    if let token = key.token { added.append(("x-amz-security-token", token)) }
    let signed = ([("host", host)] + headers + added)
      .map { (name: $0.0.lowercased(), value: $0.1.trimmingCharacters(in: .whitespaces)) }
      .sorted { $0.name < $1.name }
    let names = signed.map(\.name).joined(separator: ";")
    let canonical =
      [method, path, Signature.text(of: query)] + signed.map { "\($0.name):\($0.value)" } + [
        "", names, payload,
      ]
    let scope = "\(stamp.prefix(8))/\(region)/\(service)/aws4_request"
    let text = [
      "AWS4-HMAC-SHA256", stamp, scope, Digest.of(canonical.joined(separator: "\n").utf8).hex,
    ].joined(separator: "\n")
    let signingKey = [String(stamp.prefix(8)), region, service, "aws4_request"]
      .reduce(Array("AWS4\(key.secret)".utf8)) { authenticationCode($1, $0).bytes }
    let signature = authenticationCode(text, signingKey).hex
    return added + [
      (
        "Authorization",
        "AWS4-HMAC-SHA256 Credential=\(key.id)/\(scope),SignedHeaders=\(names),Signature=\(signature)"
      )
    ]
  }

  /// A query as it is signed and sent: escaped, and sorted by name.
  static func text(of query: [(name: String, value: String)]) -> String {
    query.map { (escaped($0.name), escaped($0.value)) }.sorted { $0 < $1 }
      .map { "\($0.0)=\($0.1)" }.joined(separator: "&")
  }

  /// Escapes all but what RFC 3986 calls unreserved, and `/` where it stays.
  package static func escaped(_ text: String, keepingSlashes: Bool = false) -> String {
    var out: [UInt8] = []
    for byte in text.utf8 {
      switch byte {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"),
        UInt8(ascii: "~"):
        out.append(byte)
      case UInt8(ascii: "/") where keepingSlashes: out.append(byte)
      default:
        let digits = Array("0123456789ABCDEF".utf8)
        out += [UInt8(ascii: "%"), digits[Int(byte >> 4)], digits[Int(byte & 15)]]
      }
    }
    return String(decoding: out, as: UTF8.self)
  }

  /// `20130524T000000Z`.
  private static func stamp(_ time: Date) -> String {
    var seconds = time_t(time.timeIntervalSince1970)
    var parts = tm()
    gmtime_r(&seconds, &parts)
    func two(_ n: Int32) -> String { n < 10 ? "0\(n)" : "\(n)" }
    return "\(1900 + parts.tm_year)\(two(parts.tm_mon + 1))\(two(parts.tm_mday))T"
      + "\(two(parts.tm_hour))\(two(parts.tm_min))\(two(parts.tm_sec))Z"
  }
}

/// HMAC with SHA-256 (RFC 2104).
package func authenticationCode(_ text: String, _ key: [UInt8]) -> Digest {
  let block = 64
  let short = key.count > block ? Digest.of(key).bytes : key
  let padded = short + [UInt8](repeating: 0, count: block - short.count)
  let inner = Digest.of(padded.map { $0 ^ 0x36 } + Array(text.utf8))
  return Digest.of(padded.map { $0 ^ 0x5c } + inner.bytes)
}
