// Owns how the text of a command holds what it reads and writes before any path is known: the loader of
// pipeline files writes it, the kind that runs commands reads it.

/// A command line with placeholders: `python probe.py ${in.1} --out ${out.probe}`.
///
/// `${in.N}` is the N-th input, from 1 in the order of first appearance; `${out.NAME}` an output. A literal
/// `${` is written `$${`, as in pipeline files; the text is read from left to right.
public struct CommandText: Sendable, Hashable {
  /// The version of what a command's text means: the shell and its options, the quoting, where it runs and the names
  /// of the files that it is given. It is in the key of every command. 2: a failing line fails the command (`sh -e`).
  /// 3: it runs in a private tree.
  public static let semanticsVersion = 3

  /// The shell that runs commands, whatever PATH says.
  public static let shell = "/bin/sh"

  public enum Piece: Sendable, Hashable {
    case literal(String)
    case input(Int)
    case output(String)
  }

  public private(set) var pieces: [Piece] = []

  public init() {}

  /// Reads what `text` wrote. A `${…}` that is neither an input nor an output is taken literally.
  public init(parsing text: String) {
    // Bytes, not characters: a combining mark after `}` would make another character of it.
    let bytes = Array(text.utf8)
    var literal: [UInt8] = []
    var i = 0
    while i < bytes.count {
      if bytes[i...].starts(with: "$${".utf8) {
        literal += "${".utf8
        i += 3
      } else if bytes[i...].starts(with: "${".utf8), let end = bytes[i...].firstIndex(of: UInt8(ascii: "}")),
        let piece = CommandText.piece(String(decoding: bytes[(i + 2)..<end], as: UTF8.self))
      {
        append(.literal(String(decoding: literal, as: UTF8.self)))
        append(piece)
        literal = []
        i = end + 1
      } else {
        literal.append(bytes[i])
        i += 1
      }
    }
    append(.literal(String(decoding: literal, as: UTF8.self)))
  }

  private static func piece(_ name: String) -> Piece? {
    if name.hasPrefix("in."), let ordinal = Int(name.dropFirst(3)) { return .input(ordinal) }
    return name.hasPrefix("out.") ? .output(String(name.dropFirst(4))) : nil
  }

  /// Adds a piece; literals that touch become one. A literal that ends in `$` can't stand before a
  /// placeholder.
  public mutating func append(_ piece: Piece) {
    switch (pieces.last, piece) {
    case (_, .literal("")): break
    case (.literal(let before)?, .literal(let after)):
      pieces[pieces.count - 1] = .literal(before + after)
    case (.literal(let before)?, .input), (.literal(let before)?, .output):
      precondition(
        before.utf8.last != UInt8(ascii: "$"), "BUG: '$' before a placeholder would read as an escape")
      pieces.append(piece)
    default: pieces.append(piece)
    }
  }

  /// The canonical text, which is the command's parameter.
  public var text: String {
    pieces.map { piece in
      switch piece {
      case .literal(let text): CommandText.escaped(text)
      case .input(let ordinal): "${in.\(ordinal)}"
      case .output(let name): "${out.\(name)}"
      }
    }.joined()
  }

  private static func escaped(_ literal: String) -> String {
    var scalars = String.UnicodeScalarView()
    var isAfterDollar = false
    for scalar in literal.unicodeScalars {
      if isAfterDollar, scalar == "{" { scalars.append("$") }
      // "$" then "{" becomes "$" "$" "{": the added one stands before the brace, which reads the same.
      scalars.append(scalar)
      isAfterDollar = scalar == "$"
    }
    return String(scalars)
  }

  /// A text as one word for the shell. Plain ones stay as they are, so that they may stand inside quotes too.
  public static func quoted(_ word: String) -> String {
    let plain =
      !word.isEmpty
      && word.utf8.allSatisfy { c in
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/._-+:@%,=".utf8.contains(c)
      }
    return plain ? word : "'" + word.replacing("'", with: "'\\''") + "'"
  }

  /// The line for the shell, given the words for each input and output (paths, quoted as the shell wants
  /// them).
  public func line(input: (Int) -> String, output: (String) -> String) -> String {
    pieces.map { piece in
      switch piece {
      case .literal(let text): text
      case .input(let ordinal): input(ordinal)
      case .output(let name): output(name)
      }
    }.joined()
  }
}
