// Owns who may do what, by bearer tokens: read from text, compared in a time that says nothing of them.

import Canonical
import Foundation

/// The tokens that a server takes. Only their digests are kept.
public struct Tokens: Sendable {
  private var reading: [Digest] = []
  private var writing: [Digest] = []

  /// Reads one a line: `TOKEN` for all that the server does, `read TOKEN` for reading alone. Empty lines and those that
  /// begin with # count for nothing.
  /// - Throws: `TokensProblem`, which names the line and not what it holds.
  public init(_ text: String) throws {
    for (i, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
      let words = line.split(whereSeparator: { $0.isWhitespace })
      if words.isEmpty || words[0].hasPrefix("#") { continue }
      let isReading = words.count == 2 && words[0] == "read"
      guard words.count == 1 || isReading, words.last!.utf8.count >= Tokens.shortest,
        words.last!.utf8.allSatisfy({ (0x21...0x7E).contains($0) })
      else { throw TokensProblem(line: i + 1) }
      let digest = Digest.of(words.last!.utf8)
      if isReading { reading.append(digest) } else { writing.append(digest) }
    }
    guard !reading.isEmpty || !writing.isEmpty else { throw TokensProblem(line: 0) }
  }

  /// What can be guessed is none.
  static let shortest = 16

  enum Right: Comparable { case none, reading, writing }

  /// What somebody with this `Authorization` field may do.
  func right(of field: String?) -> Right {
    guard let field, field.utf8.count <= 4096 else { return .none }
    let words = field.split(separator: " ")
    guard words.count == 2, words[0].lowercased() == "bearer" else { return .none }
    let shown = Digest.of(words[1].utf8)
    // All are compared, each with all of its bytes.
    let reads = reading.reduce(false) { Tokens.isSame(shown, $1) || $0 }
    let writes = writing.reduce(false) { Tokens.isSame(shown, $1) || $0 }
    return writes ? .writing : reads ? .reading : .none
  }

  private static func isSame(_ a: Digest, _ b: Digest) -> Bool {
    zip(a.bytes, b.bytes).reduce(0) { $0 | ($1.0 ^ $1.1) } == 0
  }
}

/// What is wrong with a list of tokens.
public struct TokensProblem: Error, CustomStringConvertible {
  /// From 1; 0 where there is none.
  var line: Int

  public var description: String {
    line == 0
      ? "no token in it"
      : "line \(line): expected a token of at least \(Tokens.shortest) letters, digits and signs, or 'read' and one"
  }
}
