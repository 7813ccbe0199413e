// Owns how a POSIX shell reads a text, as far as it decides how a word can be put into it: "Shell Command Language" of
// POSIX.1-2024, section 2 (https://pubs.opengroup.org/onlinepubs/9799919799/utilities/V3_chap02.html), and where bash
// goes beyond it. It knows nothing of pipelines.

/// Reads a command from left to right and puts words into it, each quoted as its place asks, so that a word is one word
/// or part of one whatever it contains.
public struct ShellReading: Sendable {
  /// What the place that has been reached is in.
  private enum State {
    /// Commands, at the top or in `$( … )`, where so many brackets are open.
    case commands(open: Int)
    /// `'…'`, or `$'…'`.
    case single(afterDollar: Bool)
    case double
    case comment
    case hereDocument(HereDocument)
    /// `${ … }`
    case expansion
    /// `$(( … ))` or `(( … ))`, where so many brackets are open.
    case arithmetic(open: Int)
    case backquotes
  }

  private struct HereDocument {
    var delimiter: String
    /// Whether the delimiter is quoted, so that the shell expands nothing in it.
    var isLiteral: Bool
    /// `<<-`: tabs at the beginning of lines don't count.
    var dropsTabs: Bool
  }

  private var stack: [State] = [.commands(open: 0)]
  /// Here-documents that begin with the next line.
  private var pending: [HereDocument] = []
  /// Whether a backslash came last, which takes the next character.
  private var isEscaped = false
  /// Whether what comes begins a word.
  private var isAtWordStart = true
  /// What has been read of the word at hand, as far as it is plain.
  private var word = ""
  /// Whether what has been read ends in `$name`, which a letter would lengthen.
  private var isInVariable = false
  /// The line at hand of a here-document, and whether a word was put into it.
  private var line = ""
  private var hasPutIntoLine = false
  /// Whether `<<` came last.
  private var wantsDelimiter = false
  /// After what it isn't known any more how the shell reads on.
  private var lost: String?

  public init() {}

  /// Why a word can't stand at a place, and what to write instead.
  public struct Refusal: Error, Sendable, Hashable {
    /// `stands inside backquotes. Write $(…) instead`, to be said of the word.
    public let problem: String
    init(_ problem: String) { self.problem = problem }
  }

  // MARK: Putting words

  /// The text for `words` at the place that has been reached.
  /// - Parameters:
  ///   - isList: whether there may be any number of them; otherwise there is one.
  ///   - next: the text that follows; nil where another word does.
  public mutating func put(_ words: [String], isList: Bool = false, before next: Substring?) throws -> String
  {
    if let lost {
      throw Refusal(
        "stands after \(lost), from where on it isn't known how the shell reads. Keep it in a variable before that: "
          + "value=…")
    }
    if isEscaped {
      throw Refusal("stands after a backslash, which would take a part of it away. Leave out the backslash")
    }
    defer { isInVariable = false }
    if wantsDelimiter {
      throw Refusal("stands where a here-document says what ends it. Write a fixed word there")
    }
    switch stack.last! {
    case .commands: return try putWords(words, isList, before: next)
    case .single(afterDollar: true): throw Refusal("stands inside $'…'. Use '…' or \"…\" instead")
    case .single: return try inQuotes(words, isList, "'")
    case .double: return try inQuotes(words, isList, "\"")
    case .comment:
      // Nobody reads it; but it must not end the comment, nor begin a placeholder.
      return String(
        words.joined(separator: " ").unicodeScalars.map {
          $0.properties.generalCategory == .control ? " " : $0
        }
        .reduce(into: String.UnicodeScalarView()) { $0.append($1) }
      ).replacing("$", with: " ")
    case .hereDocument(let document): return try putIntoLine(words, isList, document, before: next)
    case .expansion:
      throw Refusal("stands inside ${…} of the shell. Keep it in a variable before: value=…")
    case .arithmetic:
      throw Refusal("stands where the shell computes, $((…)) or ((…)). Keep it in a variable before: value=…")
    case .backquotes: throw Refusal("stands inside backquotes. Write $(…) instead of `…`")
    }
  }

  private mutating func putWords(_ words: [String], _ isList: Bool, before next: Substring?) throws -> String
  {
    if let bracket = word.firstIndex(of: "["), bracket > word.startIndex, !word.contains("]"),
      word[..<bracket].allSatisfy(ShellReading.isOfName)
    {
      throw Refusal(
        "stands in the index of an array, where bash computes. Keep it in a variable before: value=…")
    }
    let following = next?.unicodeScalars.first
    if isList {
      guard isAtWordStart, next?.isEmpty == true || following.map(ShellReading.endsWord) == true else {
        throw Refusal(
          "is a list, which can't be a part of a word. Put spaces around it")
      }
      word = words.isEmpty ? "" : "-"
      isAtWordStart = words.isEmpty && isAtWordStart
      return words.map { ShellReading.quoted($0) }.joined(separator: " ")
    }
    isAtWordStart = false
    word += "-"
    // 2>file is another thing than '2'>file.
    let isNumber = words[0].utf8.allSatisfy { (0x30...0x39).contains($0) }
    let isRedirection = isNumber && (following == "<" || following == ">")
    return ShellReading.quoted(words[0], evenIfPlain: isRedirection || isInVariable)
  }

  private func inQuotes(_ words: [String], _ isList: Bool, _ quote: String) throws -> String {
    guard !isList else {
      throw Refusal(
        "is a list, which inside quotes would be one word. Take it out of the quotes")
    }
    // Ends the quotes, puts the word, and begins them again.
    return ShellReading.isPlain(words[0]) && !isInVariable
      ? words[0] : quote + ShellReading.quoted(words[0], evenIfPlain: true) + quote
  }

  private mutating func putIntoLine(
    _ words: [String], _ isList: Bool, _ document: HereDocument, before next: Substring?
  ) throws -> String {
    guard document.isLiteral else {
      throw Refusal(
        "stands in a here-document in which the shell expands. Quote what ends it: <<'\(document.delimiter)'")
    }
    guard !isList else {
      throw Refusal("is a list, and a here-document has no words. Write printf '%s\\n' with it instead")
    }
    guard !words[0].hasSuffix("$") || next != nil else {
      throw Refusal("ends in a $ that another ${…} follows in a here-document. Put something between them")
    }
    guard !words[0].contains(where: \.isNewline) else {
      throw Refusal(
        "has several lines, which could end the here-document. Write printf '%s\\n' with it instead")
    }
    guard !document.dropsTabs || !words[0].hasPrefix("\t") || line.contains(where: { $0 != "\t" }) else {
      throw Refusal("begins with a tab, which <<- takes away. Write << instead")
    }
    line += words[0]
    hasPutIntoLine = true
    return words[0]
  }

  /// Whether what comes is read in the same way whatever single word is put at the place that has been reached.
  public var isTheSameForAllWords: Bool { if case .hereDocument = stack.last! { false } else { true } }

  /// To be called when all has been read.
  public mutating func finish() throws {
    if case .hereDocument(let document) = stack.last! { try endLine(of: document) }
  }

  // MARK: Words

  /// A text as one word, whatever it contains. Plain ones stay as they are.
  public static func quoted(_ word: String, evenIfPlain: Bool = false) -> String {
    isPlain(word) && !word.isEmpty && !reserved.contains(word) && !evenIfPlain
      ? word : "'" + word.replacing("'", with: "'\\''") + "'"
  }

  private static func isPlain(_ word: String) -> Bool {
    word.utf8.allSatisfy { byte in
      switch byte {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), 0x30...0x39: true
      default: "/._-+:@%".utf8.contains(byte)
      }
    }
  }

  /// Words that mean something to a shell where a command begins.
  private static let reserved: Set<String> = [
    "if", "then", "else", "elif", "fi", "do", "done", "case", "esac", "while", "until", "for", "in",
    "function",
    "select", "time", "coproc",
  ]

  private static func isOfName(_ c: Character) -> Bool { c.isASCII && (c.isLetter || c.isNumber || c == "_") }

  private static func endsWord(_ c: Unicode.Scalar) -> Bool { " \t\n;&|<>()".unicodeScalars.contains(c) }

  // MARK: Reading

  /// Reads a text on from the place that has been reached.
  public mutating func read(_ text: String) throws {
    let c = Array(text.unicodeScalars)
    var i = 0
    while i < c.count {
      func next(_ text: String) -> Bool { c[i...].starts(with: text.unicodeScalars) }
      isInVariable = isInVariable && ShellReading.isOfName(Character(c[i]))
      if isEscaped {
        isEscaped = false
        // A backslash before a line's end joins the lines.
        if case .commands = stack.last!, c[i] != "\n" {
          isAtWordStart = false
          word += "\\"
        }
        i += 1
        continue
      }
      switch stack.last! {
      case .commands(let open): i += try command(c, i, open)
      case .single(let afterDollar):
        if c[i] == "'" { stack.removeLast() }
        // bash and POSIX take what it escapes away, where others end the quotes.
        if afterDollar, c[i] == "\\" { lose("$'…' with a backslash in it") }
        i += 1
      case .double:
        switch c[i] {
        case "\\": isEscaped = true
        case "\"": stack.removeLast()
        case "`": stack.append(.backquotes)
        case "$":
          i += dollar(c, i, inQuotes: true)
          continue
        default: break
        }
        i += 1
      case .comment:
        if c[i] == "\n" { stack.removeLast() } else { i += 1 }
      case .hereDocument(let document):
        if c[i] == "\n" {
          try endLine(of: document)
        } else {
          line.unicodeScalars.append(c[i])
        }
        i += 1
      case .expansion:
        switch c[i] {
        case "}": stack.removeLast()
        case "'", "\"", "\\", "`": lose("${…} with quotes in it")
        case "$" where next("${"):
          stack.append(.expansion)
          i += 1
        case "$" where next("$("): lose("${…} with $(…) in it")
        default: break
        }
        i += 1
      case .arithmetic(let open):
        switch c[i] {
        case "(": stack[stack.count - 1] = .arithmetic(open: open + 1)
        case ")" where open == 1: stack.removeLast()
        case ")": stack[stack.count - 1] = .arithmetic(open: open - 1)
        case "'", "\"", "`", "\\": lose("((…)) with quotes in it")
        default: break
        }
        i += 1
      case .backquotes:
        switch c[i] {
        case "\\": isEscaped = true
        case "`": stack.removeLast()
        default: break
        }
        i += 1
      }
    }
  }

  /// Reads one thing among commands; returns how many characters it has.
  private mutating func command(_ c: [Unicode.Scalar], _ i: Int, _ open: Int) throws -> Int {
    func next(_ text: String) -> Bool { c[i...].starts(with: text.unicodeScalars) }
    if wantsDelimiter { return readDelimiter(c, i) }
    switch c[i] {
    case "\\":
      isEscaped = true
      return 1
    case "'": push(.single(afterDollar: false))
    case "\"": push(.double)
    case "`": push(.backquotes)
    case "$": return dollar(c, i, inQuotes: false)
    case "#" where isAtWordStart:
      stack.append(.comment)
      return 1
    case "(" where isAtWordStart && next("(("):
      push(.arithmetic(open: 2))
      return 2
    case "(":
      if open > 0 { stack[stack.count - 1] = .commands(open: open + 1) }
      endWord()
    case ")":
      endWord()
      if open == 1 {
        stack.removeLast()
        isAtWordStart = false
        word = "-"
      } else if open > 1 {
        stack[stack.count - 1] = .commands(open: open - 1)
      }
    case "<" where next("<<<"):
      endWord()
      return 3
    case "<" where next("<<"):
      endWord()
      wantsDelimiter = true
      let dropsTabs = next("<<-")
      pending.append(HereDocument(delimiter: "", isLiteral: false, dropsTabs: dropsTabs))
      return dropsTabs ? 3 : 2
    case "\n":
      endWord()
      if !pending.isEmpty { stack.append(.hereDocument(pending.removeFirst())) }
    case " ", "\t", ";", "&", "|", "<", ">": endWord()
    default:
      isAtWordStart = false
      word.unicodeScalars.append(c[i])
    }
    return 1
  }

  /// Reads what a `$` begins; returns how many characters that has.
  private mutating func dollar(_ c: [Unicode.Scalar], _ i: Int, inQuotes: Bool) -> Int {
    func next(_ text: String) -> Bool { c[i...].starts(with: text.unicodeScalars) }
    if next("$((") {
      push(.arithmetic(open: 2))
      return 3
    }
    if next("$(") {
      push(.commands(open: 1))
      isAtWordStart = true
      word = ""
      return 2
    }
    if next("${") {
      push(.expansion)
      return 2
    }
    if next("$[") { lose("$[…]") }
    if next("$'"), !inQuotes {
      push(.single(afterDollar: true))
      return 2
    }
    isAtWordStart = false
    isInVariable = true
    word += "-"
    return 1
  }

  private mutating func push(_ state: State) {
    isAtWordStart = false
    word += "-"
    stack.append(state)
  }

  private mutating func endWord() {
    // In $( … ) its patterns have brackets that aren't opened.
    if word == "case", stack.count > 1 { lose("a 'case' inside $(…)") }
    word = ""
    isAtWordStart = true
  }

  private mutating func lose(_ what: String) { lost = lost ?? what }

  /// Reads the word after `<<`; returns how many characters of it are here.
  private mutating func readDelimiter(_ c: [Unicode.Scalar], _ start: Int) -> Int {
    var i = start
    while i < c.count, c[i] == " " || c[i] == "\t" { i += 1 }
    guard i < c.count else { return i - start }
    var document = pending.removeLast()
    while i < c.count, !ShellReading.endsWord(c[i]) {
      switch c[i] {
      case "'", "\"":
        document.isLiteral = true
        let quote = c[i]
        i += 1
        while i < c.count, c[i] != quote {
          document.delimiter.unicodeScalars.append(c[i])
          i += 1
        }
      case "\\":
        document.isLiteral = true
        if i + 1 < c.count { document.delimiter.unicodeScalars.append(c[i + 1]) }
        i += 1
      case "$", "`": lose("a here-document that ends with what the shell expands")
      default: document.delimiter.unicodeScalars.append(c[i])
      }
      i += 1
    }
    wantsDelimiter = i >= c.count
    pending.append(document)
    return min(i, c.count) - start
  }

  private mutating func endLine(of document: HereDocument) throws {
    let text = document.dropsTabs ? String(line.drop { $0 == "\t" }) : line
    if text == document.delimiter {
      if hasPutIntoLine {
        throw Refusal("makes up the line that ends the here-document. Let another word end it")
      }
      stack.removeLast()
      isAtWordStart = true
      word = ""
      if !pending.isEmpty { stack.append(.hereDocument(pending.removeFirst())) }
    }
    // A backslash joins a line with the next, which then ends nothing.
    let joins = !document.isLiteral && line.reversed().prefix { $0 == "\\" }.count % 2 == 1
    line = joins ? "\\" : ""
    hasPutIntoLine = false
  }
}
