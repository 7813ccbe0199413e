// Owns what lies under a key on a remote: a record's text, then lines with signatures of exactly that text.

import Canonical

/// A text and who signed it.
public struct SignedText: Hashable, Sendable {
  /// What is signed: for a record its canonical text, which has no newline.
  public let text: [UInt8]
  /// `signature <algorithm> <key id> <base64>`, as they came.
  public private(set) var lines: [String]

  /// So many signatures at most, and so many bytes a line.
  private static let most = 32
  private static let longestLine = 400
  /// No signed record is longer, in bytes.
  public static let longest = Record.longest + most * (longestLine + 1)

  public init(_ text: [UInt8], lines: [String] = []) { (self.text, self.lines) = (text, lines) }

  /// Reads what a remote has.
  /// - Throws: `.record` where what follows the text isn't lines with signatures, or too many.
  public init(parsing bytes: [UInt8]) throws {
    guard let end = bytes.firstIndex(of: UInt8(ascii: "\n")) else {
      self.init(bytes)
      return
    }
    guard bytes.count - end <= SignedText.longest - Record.longest else {
      throw StoreError.record(reason: "\(bytes.count - end) bytes of signatures")
    }
    let lines = bytes[(end + 1)...].split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
      .map { line in
        line.allSatisfy { (0x20...0x7E).contains($0) } ? String(decoding: line, as: UTF8.self) : ""
      }
    guard lines.count <= SignedText.most, lines.allSatisfy(SignedText.isLine) else {
      throw StoreError.record(reason: "what follows its text isn't its signatures")
    }
    self.init(Array(bytes[..<end]), lines: lines)
  }

  private static func isLine(_ line: String) -> Bool {
    if case .wrong = Signature.read(line) { false } else { line.utf8.count <= longestLine }
  }

  /// As it lies on a remote.
  public var bytes: [UInt8] { text + lines.flatMap { Array("\n\($0)".utf8) } }

  /// The first of these keys that signed the text.
  public func signer(among keys: [PublicKey]) -> PublicKey? {
    let signatures = signatures
    return keys.first { key in
      signatures.contains { $0.id == key.id && key.verifies($0.bytes, of: text) }
    }
  }

  /// The same with this key's signature, and without any that claims to be its and isn't. Where there is no room for
  /// more, it stays as it is.
  public func signed(by key: PrivateKey) -> SignedText {
    if signer(among: [key.publicKey]) != nil { return self }
    let mine = Signature(id: key.publicKey.id, bytes: key.signature(of: text))
    return SignedText(text).with(lines.filter { Signature.read($0).id != mine.id } + [mine.line])
  }

  /// The same with more lines.
  public func with(_ more: [String]) -> SignedText {
    var copy = self
    for line in more where !copy.lines.contains(line) && copy.lines.count < SignedText.most {
      copy.lines.append(line)
    }
    return copy
  }

  /// Why none of these keys vouches for the text.
  func lack(of keys: [PublicKey]) -> String {
    let ids = Set(keys.map(\.id))
    if lines.isEmpty { return "isn't signed" }
    if signatures.contains(where: { ids.contains($0.id) }) { return "has a wrong signature" }
    let others = signatures.prefix(3).map(\.id).joined(separator: ", ")
    return "isn't signed by a key that this project trusts" + (others.isEmpty ? "" : ", but by \(others)")
  }

  private var signatures: [Signature] {
    lines.compactMap { if case .signature(let signature) = Signature.read($0) { signature } else { nil } }
  }
}

extension Signature.Reading {
  fileprivate var id: String? { if case .signature(let signature) = self { signature.id } else { nil } }
}

extension Record {
  /// Reads what lies under a key on a remote, whoever signed it.
  public init(shared bytes: [UInt8]) throws { try self.init(parsing: SignedText(parsing: bytes).text) }
}
