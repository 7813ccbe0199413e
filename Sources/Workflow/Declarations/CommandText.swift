// Owns how the text of a command holds what it reads and writes before any path is known: the loader of
// pipeline files writes it, the kind that runs commands reads it.

/// A command line with placeholders: `python probe.py ${in.1} --out ${out.probe}`.
///
/// `${in.N}` is the N-th artifact that it refers to, from 1 in the order of first appearance, `${in.NAME}` what stands
/// under `inputs:`, `${out.NAME}` an output. A literal `${` is written `$${`, as in pipeline files; the text is read
/// from left to right.
public struct CommandText: Sendable, Hashable {
  /// The version of what a command's text means: the shell and its options, the quoting, where it runs and the names
  /// of the files that it is given. It is in the key of every command. 2: a failing line fails the command (`sh -e`).
  /// 3: it runs in a private tree, and a group's files are called by their axes.
  public static let semanticsVersion = 3

  public enum Piece: Sendable, Hashable {
    case literal(String)
    case input(String)
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
    if name.hasPrefix("in.") { return .input(String(name.dropFirst(3))) }
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
    var whole = ""
    for piece in pieces {
      switch piece {
      case .literal(let text): whole += CommandText.escaped(text)
      case .input(let name): whole += "${in.\(name)}"
      case .output(let name): whole += "${out.\(name)}"
      }
    }
    return whole
  }

  private static func escaped(_ literal: String) -> String {
    guard literal.utf8.contains(UInt8(ascii: "{")) else { return literal }
    var bytes: [UInt8] = []
    for byte in literal.utf8 {
      // "$" then "{" becomes "$" "$" "{": the added one stands before the brace, which reads the same.
      if byte == UInt8(ascii: "{"), bytes.last == UInt8(ascii: "$") { bytes.append(UInt8(ascii: "$")) }
      bytes.append(byte)
    }
    return String(decoding: bytes, as: UTF8.self)
  }

  /// The line for a POSIX shell.
  /// - Parameters:
  ///   - input: the paths for an input: one, or those of a group or a pattern.
  ///   - output: the path for an output.
  /// - Throws: `ShellReading.Refusal` where paths stand at a place that the loader would have refused.
  public func line(input: (String) -> [String], output: (String) -> String) throws -> String {
    var reading = ShellReading()
    var line = ""
    for (i, piece) in pieces.enumerated() {
      var next: Substring? = ""
      if i + 1 < pieces.count {
        if case .literal(let text) = pieces[i + 1] { next = text[...] } else { next = nil }
      }
      switch piece {
      case .literal(let text):
        try reading.read(text)
        line += text
      case .input(let name):
        let paths = input(name)
        line += try reading.put(paths, isList: paths.count != 1, before: next)
      case .output(let name): line += try reading.put([output(name)], before: next)
      }
    }
    return line
  }

  /// The words for a program that no shell stands before: one, unless the text is nothing but an input with any number
  /// of paths.
  public func words(input: (String) -> [String], output: (String) -> String) -> [String] {
    if pieces.count == 1, case .input(let name) = pieces[0] { return input(name) }
    let parts = pieces.map { piece in
      switch piece {
      case .literal(let text): text
      case .input(let name): input(name).joined(separator: " ")
      case .output(let name): output(name)
      }
    }
    return [parts.joined()]
  }
}
