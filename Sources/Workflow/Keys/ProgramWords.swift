// Owns which programs a command's text starts, as far as the text tells. Where they lie, and what they are, is
// `CommandFiles`' business.

/// The programs that a line of a shell starts, its other words, and what of it isn't known before it runs.
public struct ProgramWords: Sendable, Hashable {
  /// A word in the place of a program.
  public struct Start: Sendable, Hashable {
    /// `python3`, `./fit.py`.
    public var word: String
    /// Where it is started, relative to the project's root; nil where that isn't known.
    public var directory: String?
    /// The folder whose programs come first: that of a sourced `bin/activate`.
    public var activated: String?
    /// Whether nothing works without it: the first word of the line.
    public var isCertain: Bool
    /// Whether the shell reads it itself.
    public var isSourced: Bool

    public init(
      _ word: String, directory: String? = "", activated: String? = nil, isCertain: Bool = false,
      isSourced: Bool = false
    ) {
      self.word = word
      self.directory = directory
      self.activated = activated
      self.isCertain = isCertain
      self.isSourced = isSourced
    }
  }

  /// Each once, in the order of the text.
  public private(set) var starts: [Start] = []
  /// What stands where a program stands, but isn't known before the line runs: `$tool`, `eval`, `uv run`.
  public private(set) var unknown: [String] = []
  /// Other plain words, and the files that are read by `<`: relative to the project's root where they may be paths.
  public private(set) var words: [String] = []

  /// What stands in the line for words that aren't known yet, and whether what was found depends on them.
  private let hole: String?
  public private(set) var dependsOnHoles = false

  private var directory: String? = ""
  private var activated: String?
  private var functions: Set<String> = []
  private var isFirst = true

  /// Reads a line. `${…}` in it may be a placeholder of `CommandText`.
  /// - Parameter hole: what stands in it for words that aren't known yet.
  public init(_ line: String, hole: String? = nil) {
    self.hole = hole
    read(line)
  }

  /// To be called for words that decide what is found: which programs there are doesn't depend on what they are given.
  private mutating func consider(_ words: some Sequence<ShellWords.Word>) {
    guard let hole, !dependsOnHoles else { return }
    dependsOnHoles = words.contains { $0.written.contains(hole) }
  }

  // MARK: Commands of a line

  private mutating func read(_ line: String) {
    var rest = ShellWords(line).tokens[...]
    // What `)` and `esac` lead back to.
    var nesting: [Nesting] = []
    while let token = rest.first {
      switch token {
      case .control(let sign):
        rest = rest.dropFirst()
        switch sign {
        case "(": nesting.append(.subshell(directory, activated))
        case ")":
          if case .subshell(let directory, let activated)? = nesting.last {
            nesting.removeLast()
            (self.directory, self.activated) = (directory, activated)
          }
        case ";;", ";&", ";;&": if case .choice? = nesting.last { skipPatterns(&rest, &nesting) }
        default: break
        }
      case .redirection: redirect(&rest)
      case .word(let word):
        consider([word])
        if word.isPlain, !word.isQuoted, ProgramWords.keywords.contains(word.text) {
          isFirst = false
          rest = rest.dropFirst()
          switch word.text {
          case "for", "select": for word in simple(&rest) { nested(in: word) }
          case "function":
            if case .word(let name)? = rest.first {
              consider([name])
              define(name.text, &rest)
            }
          case "case":
            consider(rest.compactMap { if case .word(let word) = $0 { word } else { nil } })
            while let next = rest.first, !next.isWord("in") { rest = rest.dropFirst() }
            rest = rest.dropFirst()
            nesting.append(.choice)
            skipPatterns(&rest, &nesting)
          case "esac": if case .choice? = nesting.last { nesting.removeLast() }
          default: break
          }
        } else if rest.dropFirst().starts(with: [.control("("), .control(")")]) {
          define(word.text, &rest)
        } else {
          let (before, words) = ((directory, activated), simple(&rest))
          start(words)
          isFirst = false
          let after = (directory, activated)
          (directory, activated) = before
          for word in words { nested(in: word) }
          (directory, activated) = after
        }
      }
    }
  }

  private enum Nesting {
    case subshell(String?, String?)
    case choice
  }

  /// Up to the `)` behind a choice's patterns, or the `esac` behind the last choice.
  private func skipPatterns(_ rest: inout ArraySlice<ShellWords.Token>, _ nesting: inout [Nesting]) {
    while let token = rest.first {
      rest = rest.dropFirst()
      if token == .control(")") { return }
      if token.isWord("esac") {
        nesting.removeLast()
        return
      }
    }
  }

  private mutating func define(_ function: String, _ rest: inout ArraySlice<ShellWords.Token>) {
    functions.insert(function)
    isFirst = false
    rest = rest.dropFirst()
    while rest.first == .control("(") || rest.first == .control(")") { rest = rest.dropFirst() }
  }

  /// The words of a simple command, without its redirections.
  private mutating func simple(_ rest: inout ArraySlice<ShellWords.Token>) -> [ShellWords.Word] {
    var found: [ShellWords.Word] = []
    while let token = rest.first {
      switch token {
      case .control: return found
      case .redirection: redirect(&rest)
      case .word(let word):
        found.append(word)
        rest = rest.dropFirst()
      }
    }
    return found
  }

  private mutating func redirect(_ rest: inout ArraySlice<ShellWords.Token>) {
    guard case .redirection(let sign)? = rest.popFirst(), case .word(let target)? = rest.first else { return }
    rest = rest.dropFirst()
    nested(in: target)
    if sign == "<" { note(target) }
  }

  /// What `$(…)` in a word starts, from where the word stands and without effect behind it.
  private mutating func nested(in word: ShellWords.Word) {
    let before = (directory, activated, isFirst)
    isFirst = false
    for line in word.commands { read(line) }
    (directory, activated, isFirst) = before
  }

  // MARK: One command

  private mutating func start(_ command: [ShellWords.Word]) {
    var rest = command[...]
    while let word = rest.first, let name = word.assigned {
      consider([word])
      // Programs are looked up elsewhere from here on.
      if name == "PATH" { unknown.append(word.written) }
      rest = rest.dropFirst()
    }
    guard let word = rest.popFirst() else { return }
    consider([word])
    guard word.isPlain || word.text == "[" || word.text == "[[" else {
      // An artifact or a file that is declared counts as such.
      if !word.written.contains("${in.") { unknown.append(word.written) }
      for argument in rest { note(argument) }
      return
    }
    let name = word.text
    switch name {
    case "cd":
      consider(rest)
      move(to: rest)
    case ".", "source":
      consider(rest)
      if let file = rest.first, file.isPlain { source(file.text) } else { unknown.append(word.written) }
    case "exec", "command", "builtin", "time":
      consider(rest)
      if rest.first?.text == "-a" { rest = rest.dropFirst(2) }
      while let option = rest.first, option.text.hasPrefix("-") {
        if option.text.lowercased().contains("v") { return }
        rest = rest.dropFirst()
      }
      start(Array(rest))
    case "eval": unknown.append("eval")
    case "export", "declare", "typeset", "local", "readonly":
      consider(rest)
      if let path = rest.first(where: { $0.assigned == "PATH" }) { unknown.append(path.written) }
    case _ where functions.contains(name): break
    case _ where ProgramWords.builtIn.contains(name): for argument in rest { note(argument) }
    default: program(name, rest)
    }
  }

  private mutating func program(_ name: String, _ arguments: ArraySlice<ShellWords.Word>) {
    add(Start(name, directory: directory, activated: activated, isCertain: isFirst))
    isFirst = false
    let base = name.split(separator: "/").last.map(String.init) ?? name
    if ProgramWords.wrappers[base] != nil || ProgramWords.shells.contains(base)
      || ProgramWords.choosers.contains(base) || base == "find"
    {
      consider(arguments)
    }
    if let wrapper = ProgramWords.wrappers[base] {
      start(wrapper.command(in: arguments))
    } else if ProgramWords.shells.contains(base),
      let option = arguments.first(where: { $0.text.hasPrefix("-") && $0.text.hasSuffix("c") }),
      let line = arguments.drop(while: { $0 != option }).dropFirst().first
    {
      let before = (directory, activated)
      if line.isPlain { read(line.text) } else { unknown.append("\(base) \(option.text) \(line.written)") }
      (directory, activated) = before
    } else if ProgramWords.choosers.contains(base), arguments.contains(where: { $0.text == "run" }) {
      unknown.append("\(base) run")
      for argument in arguments { note(argument) }
    } else {
      for argument in arguments { note(argument) }
      if base == "find",
        let action = arguments.firstIndex(where: { ["-exec", "-execdir"].contains($0.text) })
      {
        start(Array(arguments[(action + 1)...]))
      }
    }
  }

  private mutating func add(_ start: Start) {
    if !starts.contains(where: { $0.word == start.word && $0.directory == start.directory }) {
      starts.append(start)
    }
  }

  private mutating func move(to arguments: ArraySlice<ShellWords.Word>) {
    guard let target = arguments.first(where: { !["-L", "-P", "--"].contains($0.text) || !$0.isPlain }),
      target.isPlain, target.text != "-"
    else {
      directory = nil
      return
    }
    directory = below(target.text)
  }

  private mutating func source(_ file: String) {
    add(Start(file, directory: directory, activated: activated, isSourced: true))
    let parts = file.split(separator: "/", omittingEmptySubsequences: false)
    if parts.count > 2, parts.suffix(2) == ["bin", "activate"] {
      activated = below(parts.dropLast().joined(separator: "/"))
    }
  }

  /// A path as it counts from the root.
  private func below(_ path: String) -> String? {
    if path.hasPrefix("/") { return path }
    guard let directory else { return nil }
    return directory.isEmpty ? path : directory + "/" + path
  }

  private mutating func note(_ word: ShellWords.Word) {
    guard word.isPlain else { return }
    // `--config=fit.yaml`
    let text =
      word.text.hasPrefix("-")
      ? word.text.firstIndex(of: "=").map { String(word.text[word.text.index(after: $0)...]) } ?? ""
      : word.text
    if let path = below(text), !text.isEmpty, !words.contains(path) { words.append(path) }
  }

  // MARK: Words that mean something

  /// Programs that start another: which of their options take a value, and how many words stand before the other.
  private struct Wrapper {
    var valued: Set<String> = []
    var operands = 0

    func command(in arguments: ArraySlice<ShellWords.Word>) -> [ShellWords.Word] {
      var rest = arguments
      while let option = rest.first, option.text.hasPrefix("-"), option.isPlain {
        rest = rest.dropFirst(valued.contains(option.text) ? 2 : 1)
        if option.text == "--" { break }
      }
      return Array(rest.dropFirst(operands))
    }
  }

  private static let wrappers: [String: Wrapper] = [
    "env": Wrapper(valued: ["-u", "--unset", "-C", "--chdir"]), "nohup": Wrapper(), "setsid": Wrapper(),
    "nice": Wrapper(valued: ["-n", "--adjustment"]), "ionice": Wrapper(valued: ["-c", "-n"]),
    "timeout": Wrapper(valued: ["-k", "-s", "--kill-after", "--signal"], operands: 1),
    "stdbuf": Wrapper(valued: ["-i", "-o", "-e"]), "taskset": Wrapper(operands: 1),
    "xargs": Wrapper(valued: ["-I", "-n", "-P", "-d", "-L", "-a", "-s", "-E"]),
  ]

  private static let shells: Set<String> = ["sh", "bash", "dash", "zsh", "ksh"]

  /// Programs that choose by files of their own what they run.
  private static let choosers: Set<String> = [
    "uv", "poetry", "pipenv", "conda", "mamba", "micromamba", "pixi",
  ]

  private static let keywords: Set<String> = [
    "if", "then", "else", "elif", "fi", "do", "done", "case", "esac", "while", "until", "for", "function",
    "select", "!", "{", "}",
  ]

  /// The shell's own (POSIX 2.14 and bash's), which no file holds.
  private static let builtIn: Set<String> = [
    ":", "[", "[[", "]]", "alias", "bg", "break", "continue", "dirs", "echo", "exit", "false", "fg",
    "getopts",
    "hash", "jobs", "kill", "let", "mapfile", "popd", "printf", "pushd", "pwd", "read", "readarray", "return",
    "set", "shift", "shopt", "test", "times", "trap", "true", "type", "ulimit", "umask", "unalias", "unset",
    "wait",
  ]
}

extension ShellWords.Token {
  fileprivate func isWord(_ text: String) -> Bool {
    if case .word(let word) = self { return word.text == text && word.isPlain && !word.isQuoted }
    return false
  }
}

extension ShellWords.Word {
  /// The variable that it sets, where it stands before a command; nil when it sets none.
  fileprivate var assigned: String? {
    let bytes = Array(written.utf8)
    guard let equals = bytes.firstIndex(of: UInt8(ascii: "=")), equals > 0 else { return nil }
    var name = bytes[..<equals]
    if name.last == UInt8(ascii: "+") { name = name.dropLast() }
    guard name.allSatisfy(ShellWords.isName), let first = name.first, !(0x30...0x39).contains(first) else {
      return nil
    }
    return String(decoding: name, as: UTF8.self)
  }
}
