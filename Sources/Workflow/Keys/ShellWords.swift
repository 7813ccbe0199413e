// Owns the words and operators of a shell's line: quotes, expansions, comments, here-documents. It doesn't know which
// word is a program.

/// A line of a shell, cut as a shell would cut it. What it can't know (expansions) is marked, never guessed.
struct ShellWords {
  enum Token: Hashable {
    case word(Word)
    /// `;`, `&&`, `|`, `(`, a newline …
    case control(String)
    /// `<`, `>>`, `2>&1`'s `>&` …; the next word is its target.
    case redirection(String)
  }

  struct Word: Hashable {
    /// Its text without quotes; what expands is left out.
    var text = ""
    /// As it is written.
    var written = ""
    /// Whether it is known what it will be: nothing in it expands.
    var isPlain = true
    var isQuoted = false
    /// The lines in its `$(…)` and backquotes.
    var commands: [String] = []
  }

  private(set) var tokens: [Token] = []
  private let bytes: [UInt8]
  private var i = 0
  private var word: Word?
  private var wordStart = 0
  /// Delimiters of here-documents whose text begins after this line.
  private var documents: [String] = []

  init(_ line: String) {
    bytes = Array(line.utf8)
    while i < bytes.count { step() }
    endWord()
  }

  /// Whether a byte may stand in a variable's name.
  static func isName(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), 0x30...0x39,
      UInt8(ascii: "_"):
      true
    default: false
    }
  }

  private func peek(_ distance: Int = 0) -> UInt8 { i + distance < bytes.count ? bytes[i + distance] : 0 }

  private func starts(with text: String) -> Bool { bytes[i...].starts(with: text.utf8) }

  private mutating func step() {
    switch peek() {
    case 0x20, 0x09, 0x0D:
      endWord()
      i += 1
    case 0x0A:
      endWord()
      i += 1
      tokens.append(.control("\n"))
      skipDocuments()
    case UInt8(ascii: "#") where word == nil:
      while i < bytes.count, peek() != 0x0A { i += 1 }
    case UInt8(ascii: "\\"): escape()
    case UInt8(ascii: "'"): singleQuotes()
    case UInt8(ascii: "\""): doubleQuotes()
    case UInt8(ascii: "$"): expansion()
    case UInt8(ascii: "`"): backquotes()
    case UInt8(ascii: "<"), UInt8(ascii: ">"): redirection()
    case let byte where ";&|()".utf8.contains(byte):
      endWord()
      let operators = ["&>>", "&>", ";;&", ";;", ";&", "&&", "||", "|&", ";", "&", "|", "(", ")"]
      let found = operators.first { starts(with: $0) }!
      i += found.utf8.count
      tokens.append(found.hasPrefix("&>") ? .redirection(found) : .control(found))
    default:
      // What a shell replaces by names of files isn't known here.
      let expands = "*?[".utf8.contains(peek()) || word == nil && peek() == UInt8(ascii: "~")
      add([peek()])
      if expands { word!.isPlain = false }
      i += 1
    }
  }

  private mutating func begin() {
    if word != nil { return }
    word = Word()
    wordStart = i
  }

  private mutating func add(_ text: some Sequence<UInt8>) {
    begin()
    // Whole characters: of a longer one each byte comes alone.
    pending += text
  }

  private var pending: [UInt8] = []

  private mutating func endWord() {
    guard var done = word else { return }
    done.text = String(decoding: pending, as: UTF8.self)
    done.written = String(decoding: bytes[wordStart..<i], as: UTF8.self)
    tokens.append(.word(done))
    word = nil
    pending = []
  }

  private mutating func escape() {
    if peek(1) == 0x0A {
      i += 2
      return
    }
    begin()
    word!.isQuoted = true
    if i + 1 < bytes.count { add([peek(1)]) }
    i += 2
    i = min(i, bytes.count)
  }

  private mutating func singleQuotes() {
    begin()
    word!.isQuoted = true
    i += 1
    while i < bytes.count, peek() != UInt8(ascii: "'") {
      add([peek()])
      i += 1
    }
    i = min(i + 1, bytes.count)
  }

  private mutating func doubleQuotes() {
    begin()
    word!.isQuoted = true
    i += 1
    while i < bytes.count, peek() != UInt8(ascii: "\"") {
      switch peek() {
      case UInt8(ascii: "\\") where "$`\"\\".utf8.contains(peek(1)):
        add([peek(1)])
        i += 2
      case UInt8(ascii: "$"): expansion()
      case UInt8(ascii: "`"): backquotes()
      default:
        add([peek()])
        i += 1
      }
    }
    i = min(i + 1, bytes.count)
  }

  /// `$x`, `${x}`, `$(…)`, `$((…))`; a lone `$` is itself.
  private mutating func expansion() {
    begin()
    if starts(with: "$((") {
      word!.isPlain = false
      i = end(of: UInt8(ascii: "("), UInt8(ascii: ")"), from: i + 1)
    } else if starts(with: "$(") {
      word!.isPlain = false
      let end = end(of: UInt8(ascii: "("), UInt8(ascii: ")"), from: i + 1)
      word!.commands.append(String(decoding: bytes[min(i + 2, end)..<max(i + 2, end - 1)], as: UTF8.self))
      i = end
    } else if starts(with: "${") {
      word!.isPlain = false
      i = end(of: UInt8(ascii: "{"), UInt8(ascii: "}"), from: i + 1)
    } else if ShellWords.isName(peek(1)) || "@*#?$!-".utf8.contains(peek(1)) {
      word!.isPlain = false
      i += 2
      while ShellWords.isName(peek()) { i += 1 }
    } else {
      add([peek()])
      i += 1
    }
  }

  /// The position behind the bracket that closes the one at `start`; quotes in between hide brackets.
  private func end(of open: UInt8, _ close: UInt8, from start: Int) -> Int {
    var depth = 0
    var quote: UInt8 = 0
    var n = start
    while n < bytes.count {
      let byte = bytes[n]
      if byte == UInt8(ascii: "\\"), quote != UInt8(ascii: "'") {
        n += 2
        continue
      }
      if quote != 0 {
        if byte == quote { quote = 0 }
      } else if byte == UInt8(ascii: "'") || byte == UInt8(ascii: "\"") {
        quote = byte
      } else if byte == open {
        depth += 1
      } else if byte == close {
        depth -= 1
        if depth == 0 { return n + 1 }
      }
      n += 1
    }
    return bytes.count
  }

  private mutating func backquotes() {
    begin()
    word!.isPlain = false
    i += 1
    var line: [UInt8] = []
    while i < bytes.count, peek() != UInt8(ascii: "`") {
      if peek() == UInt8(ascii: "\\"), "$`\\".utf8.contains(peek(1)) { i += 1 }
      line.append(peek())
      i += 1
    }
    i = min(i + 1, bytes.count)
    word!.commands.append(String(decoding: line, as: UTF8.self))
  }

  private mutating func redirection() {
    // `2>`: the digits are the descriptor, no word.
    if let open = word, !open.isQuoted, open.isPlain, pending.allSatisfy({ (0x30...0x39).contains($0) }) {
      word = nil
      pending = []
    }
    endWord()
    if starts(with: "<(") || starts(with: ">(") {
      // A process in a file's place (bash).
      begin()
      word!.isPlain = false
      let end = end(of: UInt8(ascii: "("), UInt8(ascii: ")"), from: i + 1)
      word!.commands.append(String(decoding: bytes[min(i + 2, end)..<max(i + 2, end - 1)], as: UTF8.self))
      i = end
      return
    }
    let found = ["<<<", "<<-", "<<", "<>", "<&", ">>", ">&", ">|", "<", ">"].first { starts(with: $0) }!
    i += found.utf8.count
    tokens.append(.redirection(found))
    guard found == "<<" || found == "<<-" else { return }
    while peek() == 0x20 || peek() == 0x09 { i += 1 }
    let count = tokens.count
    while i < bytes.count, tokens.count == count, !" \t\n;&|()<>".utf8.contains(peek()) { step() }
    endWord()
    if case .word(let delimiter)? = tokens.last, tokens.count > count {
      tokens.removeLast()
      documents.append(delimiter.text)
    }
    tokens.removeLast()
  }

  private mutating func skipDocuments() {
    for delimiter in documents {
      while i < bytes.count {
        let end = bytes[i...].firstIndex(of: 0x0A) ?? bytes.count
        let line = bytes[i..<end].drop { $0 == 0x09 }
        i = min(end + 1, bytes.count)
        if line.elementsEqual(delimiter.utf8) { break }
      }
    }
    documents = []
  }
}
