// Owns what of a Swift source counts: its tokens. Comments, indentation, blank lines and spaces that can't
// change the meaning don't. When unsure, text is kept: a rerun too many is cheap, a stale result isn't.

/// Reduces Swift source to the text that counts.
///
/// Kept as they are: string literals of every sort with what is interpolated, extended and bare regex literals,
/// line breaks (one for several), and one space wherever a space may matter, which is between two words and
/// beside operators.
public func significantText(ofSwift source: String) -> String {
  var scanner = Scanner(source)
  return scanner.run()
}

private struct Scanner {
  private let text: [UInt8]
  private var i = 0
  private var out: [UInt8] = []
  private var pending: Gap = .none

  private enum Gap { case none, space, line }

  init(_ source: String) {
    text = Array(source.utf8)
    out.reserveCapacity(text.count)
  }

  mutating func run() -> String {
    scan(untilParenthesisCloses: false)
    return String(decoding: out, as: UTF8.self)
  }

  private func at(_ offset: Int) -> UInt8 { i + offset < text.count ? text[i + offset] : 0 }

  /// Scans code to the end of the text, or to the `)` that closes an interpolation.
  private mutating func scan(untilParenthesisCloses: Bool) {
    var depth = 0
    while i < text.count {
      let c = text[i]
      switch c {
      case UInt8(ascii: "\n"):
        pending = .line
        i += 1
      case UInt8(ascii: " "), UInt8(ascii: "\t"), UInt8(ascii: "\r"):
        if pending == .none { pending = .space }
        i += 1
      case UInt8(ascii: "/") where at(1) == UInt8(ascii: "/"): skipLineComment()
      case UInt8(ascii: "/") where at(1) == UInt8(ascii: "*"): skipBlockComment()
      case UInt8(ascii: "\""): copyString(hashes: 0)
      case UInt8(ascii: "#"): copyHash()
      case UInt8(ascii: "/") where startsRegex(): copyRegex()
      case UInt8(ascii: "("):
        depth += 1
        emit(c)
      case UInt8(ascii: ")"):
        if untilParenthesisCloses && depth == 0 { return }
        depth -= 1
        emit(c)
      default: emit(c)
      }
    }
  }

  /// Copies one byte of code, preceded by the gap before it if that may matter.
  private mutating func emit(_ c: UInt8) {
    flushGap(before: c)
    out.append(c)
    i += 1
  }

  private mutating func flushGap(before c: UInt8) {
    if let last = out.last {
      switch pending {
      case .none: break
      case .line: out.append(UInt8(ascii: "\n"))
      case .space where mayBind(last) && mayBind(c): out.append(UInt8(ascii: " "))
      case .space: break
      }
    }
    pending = .none
  }

  /// Whether a space beside this byte may change what the code means: everything but `, ; : ( ) [ ] { }`.
  private func mayBind(_ c: UInt8) -> Bool { !",;()[]{}\n".utf8.contains(c) }

  private mutating func skipLineComment() {
    while i < text.count, text[i] != UInt8(ascii: "\n") { i += 1 }
    if pending == .none { pending = .space }
  }

  private mutating func skipBlockComment() {
    var depth = 0
    repeat {
      if at(0) == UInt8(ascii: "/"), at(1) == UInt8(ascii: "*") {
        depth += 1
        i += 2
      } else if at(0) == UInt8(ascii: "*"), at(1) == UInt8(ascii: "/") {
        depth -= 1
        i += 2
      } else {
        if text[i] == UInt8(ascii: "\n") { pending = .line }
        i += 1
      }
    } while depth > 0 && i < text.count
    if pending == .none { pending = .space }
  }

  /// `#` starts a raw string, an extended regex, or a word such as `#if`.
  private mutating func copyHash() {
    var hashes = 0
    while at(hashes) == UInt8(ascii: "#") { hashes += 1 }
    if at(hashes) == UInt8(ascii: "\"") { return copyString(hashes: hashes) }
    guard at(hashes) == UInt8(ascii: "/") else {
      for _ in 0..<hashes { emit(text[i]) }
      return
    }
    copy(hashes + 1)
    while i < text.count, !closes(UInt8(ascii: "/"), count: 1, hashes: hashes) { copy(1) }
    copy(hashes + 1)
  }

  /// Copies a string literal verbatim; the code of its interpolations is scanned as code.
  private mutating func copyString(hashes: Int) {
    let quote = UInt8(ascii: "\"")
    copy(hashes)
    let quotes = at(0) == quote && at(1) == quote && at(2) == quote ? 3 : 1
    copy(quotes)
    while i < text.count {
      if closes(quote, count: quotes, hashes: hashes) { return copy(quotes + hashes) }
      let isEscape =
        text[i] == UInt8(ascii: "\\") && (0..<hashes).allSatisfy { at(1 + $0) == UInt8(ascii: "#") }
      if isEscape && at(1 + hashes) == UInt8(ascii: "(") {
        copy(2 + hashes)
        scan(untilParenthesisCloses: true)
        copy(1)
      } else if isEscape {
        copy(2 + hashes)
      } else if text[i] == UInt8(ascii: "\n") && quotes == 1 {
        return  // not closed on its line: not valid Swift, go on as code
      } else {
        copy(1)
      }
    }
  }

  private func closes(_ mark: UInt8, count: Int, hashes: Int) -> Bool {
    (0..<count).allSatisfy { at($0) == mark }
      && (0..<hashes).allSatisfy { at(count + $0) == UInt8(ascii: "#") }
  }

  /// Whether the `/` here can open a bare regex literal: an operand is expected, and it closes on this line.
  private func startsRegex() -> Bool {
    guard at(1) != UInt8(ascii: " "), at(1) != UInt8(ascii: "\t") else { return false }
    if let last = out.last, pending != .line, !"([{,;:=!&|?+-<>~^".utf8.contains(last) { return false }
    return regexLength() != nil
  }

  private func regexLength() -> Int? {
    var n = 1
    var inClass = false
    while i + n < text.count, at(n) != UInt8(ascii: "\n") {
      switch at(n) {
      case UInt8(ascii: "\\"): n += 1
      case UInt8(ascii: "["): inClass = true
      case UInt8(ascii: "]"): inClass = false
      case UInt8(ascii: "/") where !inClass: return n + 1
      default: break
      }
      n += 1
    }
    return nil
  }

  private mutating func copyRegex() { copy(regexLength() ?? 1) }

  private mutating func copy(_ count: Int) {
    guard i < text.count else { return }
    flushGap(before: text[i])
    let end = min(i + count, text.count)
    out.append(contentsOf: text[i..<end])
    i = end
  }
}
