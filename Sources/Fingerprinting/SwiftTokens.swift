// Owns what a Swift source consists of: its tokens, with the lines they stand on and the gaps between them, and the
// text of it that counts. Comments, indentation, blank lines and spaces that can't change the meaning don't. When
// unsure, text is kept: a rerun too many is cheap, a stale result isn't.

/// The tokens of one Swift source.
public struct SwiftTokens: Sendable {
  public struct Token: Sendable {
    public enum Kind: Sendable {
      /// An identifier or keyword, without backticks.
      case word
      case number
      /// A run of operator characters; a single `.` too.
      case op
      /// One of `( ) [ ] { } , ; : @ # \` or whatever else stands alone.
      case mark
      /// A string literal, or the piece of one between interpolations, with its delimiters.
      case text
      case regex
    }
    public let kind: Kind
    let start: Int
    let end: Int
    public let line: Int
    /// What stands before it.
    let gap: Gap
  }

  enum Gap: Sendable { case none, space, line }

  public let tokens: [Token]
  /// Whether brackets balance and every literal and comment is closed, so that the tokens are what the compiler sees.
  public let isCertain: Bool
  private let bytes: [UInt8]

  public init(_ source: String) {
    var lexer = Lexer(source)
    lexer.scan(untilParenthesisCloses: false)
    bytes = lexer.bytes
    tokens = lexer.tokens
    var open: [UInt8] = []
    var balances = true
    for token in lexer.tokens where token.kind == .mark {
      switch lexer.bytes[token.start] {
      case UInt8(ascii: "("): open.append(UInt8(ascii: ")"))
      case UInt8(ascii: "["): open.append(UInt8(ascii: "]"))
      case UInt8(ascii: "{"): open.append(UInt8(ascii: "}"))
      case let c where ")]}".utf8.contains(c): balances = balances && open.popLast() == c
      default: break
      }
    }
    isCertain = lexer.isCertain && balances && open.isEmpty
  }

  public var count: Int { tokens.count }

  private init(_ tokens: [Token], of source: SwiftTokens) {
    self.tokens = tokens
    isCertain = source.isCertain
    bytes = source.bytes
  }

  /// The same without some of the tokens, as if they hadn't been written.
  func without(_ ranges: [Range<Int>]) -> SwiftTokens {
    SwiftTokens(
      tokens.indices.filter { i in !ranges.contains { $0.contains(i) } }.map { tokens[$0] }, of: self)
  }

  /// The spelling of token `i`; nothing before the first and after the last. Backticks of a name are left out.
  public func spelling(_ i: Int) -> String {
    guard tokens.indices.contains(i) else { return "" }
    var (start, end) = (tokens[i].start, tokens[i].end)
    if tokens[i].kind == .word, bytes[start] == UInt8(ascii: "`") { (start, end) = (start + 1, end - 1) }
    return String(decoding: bytes[start..<end], as: UTF8.self)
  }

  func kind(_ i: Int) -> Token.Kind? { tokens.indices.contains(i) ? tokens[i].kind : nil }

  func isWord(_ i: Int) -> Bool { kind(i) == .word }

  /// Whether token `i` is this mark or operator.
  func at(_ i: Int, _ mark: Character) -> Bool {
    guard tokens.indices.contains(i), tokens[i].kind == .mark || tokens[i].kind == .op,
      tokens[i].end == tokens[i].start + 1
    else { return false }
    return bytes[tokens[i].start] == mark.asciiValue
  }

  /// Whether token `i` is a string literal that nothing is interpolated into.
  func isPlainString(_ i: Int) -> Bool {
    guard kind(i) == .text else { return false }
    let ends: Set<UInt8> = [UInt8(ascii: "\""), UInt8(ascii: "#")]
    return ends.contains(bytes[tokens[i].start]) && ends.contains(bytes[tokens[i].end - 1])
  }

  /// The index of the bracket that closes the one at `i`.
  func closing(_ i: Int) -> Int {
    var depth = 0
    for j in i..<count where kind(j) == .mark {
      if at(j, "(") || at(j, "[") || at(j, "{") { depth += 1 }
      if at(j, ")") || at(j, "]") || at(j, "}") { depth -= 1 }
      if depth == 0 { return j }
    }
    return count - 1
  }

  /// The text that counts, of all tokens or some, without those in `skipped`.
  public func significantText(_ range: Range<Int>? = nil, without skipped: Set<Int> = []) -> String {
    var out: [UInt8] = []
    out.reserveCapacity(bytes.count)
    for i in range ?? 0..<count where !skipped.contains(i) {
      let token = tokens[i]
      if let last = out.last {
        switch token.gap {
        case .none: break
        case .line: out.append(UInt8(ascii: "\n"))
        case .space: if mayBind(last) && mayBind(bytes[token.start]) { out.append(UInt8(ascii: " ")) }
        }
      }
      out.append(contentsOf: bytes[token.start..<token.end])
    }
    return String(decoding: out, as: UTF8.self)
  }

  /// Whether a space beside this byte may change what the code means: everything but `, ; : ( ) [ ] { }`.
  private func mayBind(_ c: UInt8) -> Bool { !",;()[]{}\n".utf8.contains(c) }
}

/// Reduces Swift source to the text that counts.
public func significantText(ofSwift source: String) -> String { SwiftTokens(source).significantText() }

private struct Lexer {
  let bytes: [UInt8]
  var tokens: [SwiftTokens.Token] = []
  var isCertain = true
  private var i = 0
  private var line = 1
  private var gap: SwiftTokens.Gap = .none

  init(_ source: String) { bytes = Array(source.utf8) }

  private func at(_ offset: Int) -> UInt8 { i + offset < bytes.count ? bytes[i + offset] : 0 }

  /// Takes the next `count` bytes as a token.
  private mutating func take(_ kind: SwiftTokens.Token.Kind, _ count: Int) {
    let end = min(i + count, bytes.count)
    tokens.append(SwiftTokens.Token(kind: kind, start: i, end: end, line: line, gap: gap))
    line += bytes[i..<end].lazy.filter { $0 == UInt8(ascii: "\n") }.count
    i = end
    gap = .none
  }

  /// Scans code to the end of the text, or to the `)` that closes an interpolation.
  mutating func scan(untilParenthesisCloses: Bool) {
    var depth = 0
    while i < bytes.count {
      let c = bytes[i]
      switch c {
      case UInt8(ascii: "\n"):
        gap = .line
        line += 1
        i += 1
      case UInt8(ascii: " "), UInt8(ascii: "\t"), UInt8(ascii: "\r"):
        if gap == .none { gap = .space }
        i += 1
      case UInt8(ascii: "/") where at(1) == UInt8(ascii: "/"): skipLineComment()
      case UInt8(ascii: "/") where at(1) == UInt8(ascii: "*"): skipBlockComment()
      case UInt8(ascii: "\""): string(hashes: 0)
      case UInt8(ascii: "#"): hash()
      case UInt8(ascii: "/") where startsRegex(): take(.regex, regexLength() ?? 1)
      case UInt8(ascii: "`"):
        var n = 1
        while at(n) != UInt8(ascii: "`"), at(n) != UInt8(ascii: "\n"), i + n < bytes.count { n += 1 }
        if at(n) != UInt8(ascii: "`") { isCertain = false }
        take(at(n) == UInt8(ascii: "`") ? .word : .mark, n + 1)
      case UInt8(ascii: "0")...UInt8(ascii: "9"): number()
      case _ where isWordByte(c):
        var n = 1
        while isWordByte(at(n)) { n += 1 }
        take(.word, n)
      case _ where isOperatorByte(c): op()
      case UInt8(ascii: ")"):
        if untilParenthesisCloses && depth == 0 { return }
        depth -= 1
        take(.mark, 1)
      default:
        if c == UInt8(ascii: "(") { depth += 1 }
        take(.mark, 1)
      }
    }
    if untilParenthesisCloses { isCertain = false }
  }

  private func isWordByte(_ c: UInt8) -> Bool {
    switch c {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "$"), 0x80...:
      true
    default: false
    }
  }

  private func isOperatorByte(_ c: UInt8) -> Bool { "/=-+!*%<>&|^~?.".utf8.contains(c) }

  /// A run of operator characters; one with a dot in it begins with a dot.
  private mutating func op() {
    let dotted = at(0) == UInt8(ascii: ".")
    var n = 1
    while isOperatorByte(at(n)), dotted || at(n) != UInt8(ascii: ".") {
      if at(n) == UInt8(ascii: "/"), at(n + 1) == UInt8(ascii: "/") || at(n + 1) == UInt8(ascii: "*") {
        break
      }
      n += 1
    }
    take(.op, n)
  }

  private mutating func number() {
    func isDigit(_ c: UInt8) -> Bool { (0x30...0x39).contains(c) }
    var n = 1
    while isWordByte(at(n)) { n += 1 }
    if at(n) == UInt8(ascii: "."), isDigit(at(n + 1)) {
      n += 1
      while isWordByte(at(n)) { n += 1 }
    }
    take(.number, n)
  }

  private mutating func skipLineComment() {
    while i < bytes.count, bytes[i] != UInt8(ascii: "\n") { i += 1 }
    if gap == .none { gap = .space }
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
        if bytes[i] == UInt8(ascii: "\n") {
          gap = .line
          line += 1
        }
        i += 1
      }
    } while depth > 0 && i < bytes.count
    if depth > 0 { isCertain = false }
    if gap == .none { gap = .space }
  }

  /// `#` starts a raw string, an extended regex, or a word such as `#if`.
  private mutating func hash() {
    var hashes = 0
    while at(hashes) == UInt8(ascii: "#") { hashes += 1 }
    if at(hashes) == UInt8(ascii: "\"") { return string(hashes: hashes) }
    guard at(hashes) == UInt8(ascii: "/") else { return take(.mark, 1) }
    var n = hashes + 1
    while i + n < bytes.count, !closes(UInt8(ascii: "/"), 1, hashes: hashes, from: n) { n += 1 }
    if i + n >= bytes.count { isCertain = false }
    take(.regex, n + hashes + 1)
  }

  /// A string literal of any sort: its pieces, and between them the code that is interpolated.
  private mutating func string(hashes: Int) {
    let quote = UInt8(ascii: "\"")
    var n = hashes
    let quotes = at(n) == quote && at(n + 1) == quote && at(n + 2) == quote ? 3 : 1
    n += quotes
    while i + n < bytes.count {
      if closes(quote, quotes, hashes: hashes, from: n) { return take(.text, n + quotes + hashes) }
      let isEscape =
        at(n) == UInt8(ascii: "\\") && (0..<hashes).allSatisfy { at(n + 1 + $0) == UInt8(ascii: "#") }
      if isEscape && at(n + 1 + hashes) == UInt8(ascii: "(") {
        take(.text, n + 2 + hashes)
        scan(untilParenthesisCloses: true)
        n = 1
      } else if isEscape {
        n += 2 + hashes
      } else if at(n) == UInt8(ascii: "\n") && quotes == 1 {
        break  // not closed on its line: not valid Swift
      } else {
        n += 1
      }
    }
    isCertain = false
    take(.text, n)
  }

  private func closes(_ mark: UInt8, _ count: Int, hashes: Int, from n: Int) -> Bool {
    (0..<count).allSatisfy { at(n + $0) == mark }
      && (0..<hashes).allSatisfy { at(n + count + $0) == UInt8(ascii: "#") }
  }

  /// Whether the `/` here can open a bare regex literal: it stands as a prefix, and closes on this line.
  private func startsRegex() -> Bool {
    guard at(1) != UInt8(ascii: " "), at(1) != UInt8(ascii: "\t") else { return false }
    if gap == .none, let last = tokens.last, !"([{,;:=!&|?+-<>~^".utf8.contains(bytes[last.end - 1]) {
      return false
    }
    guard let length = regexLength() else { return false }
    return at(length - 2) != UInt8(ascii: " ")
  }

  private func regexLength() -> Int? {
    var n = 1
    var inClass = false
    while i + n < bytes.count, at(n) != UInt8(ascii: "\n") {
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
}
