// Owns the head of an HTTP/1.1 request (RFC 9112): bytes → value, strictly and within bounds, so that nothing that is read
// in two ways gets any further.

import Foundation

/// What a request asks for, without its body.
package struct RequestHead: Equatable {
  package var method: String
  /// As it came, without the query.
  package var path: String
  /// How many bytes follow; nil when it doesn't say so, which means none.
  package var length: Int?
  package var authorization: String?
  /// Whether the client waits for leave to send the body.
  package var expectsContinue = false
  /// Whether nothing that is there may be changed (`If-None-Match: *`).
  package var onlyIfNew = false
  /// The bytes that are wanted, the last one nil for all to the end.
  package var range: (first: Int, last: Int?)?
  /// Whether the connection ends with the answer.
  package var isLast = false

  /// No head is longer, in bytes, nor has more fields.
  package static let longest = 16 << 10
  private static let mostFields = 100

  package static func == (a: RequestHead, b: RequestHead) -> Bool {
    (a.method, a.path, a.length, a.authorization) == (b.method, b.path, b.length, b.authorization)
      && (a.expectsContinue, a.onlyIfNew, a.isLast) == (b.expectsContinue, b.onlyIfNew, b.isLast)
      && a.range?.first == b.range?.first && a.range?.last == b.range?.last
  }

  /// Reads a head: lines that end with CR LF, the last of them empty.
  /// - Throws: `Refusal`.
  package init(parsing bytes: [UInt8]) throws {
    guard bytes.count <= RequestHead.longest else { throw Refusal(431, "the head is too long") }
    var lines: [ArraySlice<UInt8>] = []
    var start = 0
    while start < bytes.count {
      guard let end = bytes[start...].firstIndex(of: UInt8(ascii: "\n")), end > start,
        bytes[end - 1] == UInt8(ascii: "\r")
      else { throw Refusal(400, "lines end with CR LF") }
      lines.append(bytes[start..<end - 1])
      start = end + 1
    }
    guard lines.count >= 2, lines.removeLast().isEmpty else { throw Refusal(400, "the head doesn't end") }
    guard lines.count <= RequestHead.mostFields + 1 else { throw Refusal(431, "too many fields") }
    let isMinorZero: Bool
    (method, path, isMinorZero) = try RequestHead.requestLine(lines[0])
    isLast = isMinorZero
    var hasHost = false
    for line in lines.dropFirst() {
      let (name, value) = try RequestHead.field(line)
      switch name {
      case "host":
        guard !hasHost else { throw Refusal(400, "two Host fields") }
        hasHost = true
      case "content-length":
        guard length == nil else { throw Refusal(400, "two Content-Length fields") }
        length = try RequestHead.number(value, "Content-Length")
      case "transfer-encoding": throw Refusal(501, "bodies come with Content-Length, not in chunks")
      case "authorization":
        guard authorization == nil else { throw Refusal(400, "two Authorization fields") }
        authorization = value
      case "expect":
        guard value.lowercased() == "100-continue" else {
          throw Refusal(417, "only 100-continue is expected")
        }
        expectsContinue = true
      case "if-none-match": onlyIfNew = value == "*"
      case "range": range = RequestHead.range(value)
      case "connection":
        let words = value.lowercased().split(separator: ",").map { $0.trimmingCharacters(in: .whitespaces) }
        if words.contains("close") { isLast = true }
      default: break
      }
    }
    guard hasHost || isMinorZero else { throw Refusal(400, "no Host field") }
  }

  /// `GET /path HTTP/1.1`.
  private static func requestLine(_ line: ArraySlice<UInt8>) throws -> (String, String, isMinorZero: Bool) {
    let words = line.split(separator: UInt8(ascii: " "), omittingEmptySubsequences: false)
    guard words.count == 3, !words[0].isEmpty, words[0].allSatisfy(isTokenByte),
      words[1].first == UInt8(ascii: "/"), words[1].allSatisfy({ (0x21...0x7E).contains($0) })
    else { throw Refusal(400, "a request begins with a method, a path and HTTP/1.1") }
    guard words[2].elementsEqual("HTTP/1.1".utf8) || words[2].elementsEqual("HTTP/1.0".utf8) else {
      throw Refusal(505, "this is HTTP/1.1")
    }
    let path = words[1].prefix { $0 != UInt8(ascii: "?") }
    return (text(words[0]), text(path), words[2].last == UInt8(ascii: "0"))
  }

  /// `Name: value`, the name in lower case.
  private static func field(_ line: ArraySlice<UInt8>) throws -> (String, String) {
    guard let colon = line.firstIndex(of: UInt8(ascii: ":")), colon > line.startIndex,
      line[..<colon].allSatisfy(isTokenByte)
    else { throw Refusal(400, "a field has no name") }
    let value = line[(colon + 1)...]
    guard value.allSatisfy({ $0 == UInt8(ascii: "\t") || ($0 >= 0x20 && $0 != 0x7F) }) else {
      throw Refusal(400, "a field holds control characters")
    }
    return (text(line[..<colon]).lowercased(), text(value).trimmingCharacters(in: .whitespaces))
  }

  private static func number(_ text: String, _ name: String) throws -> Int {
    guard !text.isEmpty, text.utf8.count <= 18, text.utf8.allSatisfy({ (0x30...0x39).contains($0) }),
      let number = Int(text)
    else { throw Refusal(400, "\(name) isn't a number") }
    return number
  }

  /// `bytes=3-9` or `bytes=3-`; nil for all else, which means the whole.
  private static func range(_ text: String) -> (first: Int, last: Int?)? {
    guard text.hasPrefix("bytes=") else { return nil }
    let ends = text.dropFirst(6).split(separator: "-", omittingEmptySubsequences: false)
    guard ends.count == 2, let first = try? number(String(ends[0]), "") else { return nil }
    if ends[1].isEmpty { return (first, nil) }
    guard let last = try? number(String(ends[1]), ""), last >= first else { return nil }
    return (first, last)
  }

  private static func isTokenByte(_ c: UInt8) -> Bool {
    (0x30...0x39).contains(c) || (0x41...0x5A).contains(c) || (0x61...0x7A).contains(c)
      || "!#$%&'*+-.^_`|~".utf8.contains(c)
  }

  private static func text(_ bytes: ArraySlice<UInt8>) -> String { String(decoding: bytes, as: UTF8.self) }
}

/// Why a request isn't answered as asked.
package struct Refusal: Error, Equatable {
  package var status: Int
  var reason: String

  package init(_ status: Int, _ reason: String) { (self.status, self.reason) = (status, reason) }
}
