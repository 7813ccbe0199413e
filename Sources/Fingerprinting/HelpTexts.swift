// Owns which text in a kind's files is read by people alone: what `bobbin kinds` and error messages say. It doesn't
// count, as long as it is plain text in the places that are known, and nothing here can read it.

/// The help texts in the files that a kind reaches.
struct HelpTexts {
  private let kinds: Set<String>
  /// Static properties of kinds that can't be read anywhere in these files.
  private let properties: Set<String>
  private let wrappers: Set<String>

  /// - Parameters:
  ///   - files: all that the kind reaches.
  ///   - kinds: those among them that declare it.
  init(of files: [SourceFile], kinds: Set<String>) {
    self.kinds = kinds
    // A module that declares a `Parameter` of its own means that by `@Parameter("…")`.
    let modules = Set(files.filter { $0.imports.contains("Workflow") }.map(\.module))
    wrappers = files.filter { modules.contains($0.module) }.reduce(
      into: ["Parameter", "Input", "Output", "ExternalInput"]
    ) { $0.subtract($1.top) }
    // A text that is written down once in a file is declared there and not read.
    properties = files.reduce(into: ["summary", "discussion"]) { open, file in
      guard file.imports.contains("Workflow") else { return }
      for name in open where HelpTexts.count(of: name, in: file) > (kinds.contains(file.path) ? 1 : 0) {
        open.remove(name)
      }
    }
  }

  private static func count(of name: String, in file: SourceFile) -> Int {
    guard file.bare.contains(name) || file.dotted.contains(name) else { return 0 }
    return (0..<file.tokens.count).filter { file.tokens.isWord($0) && file.tokens.spelling($0) == name }.count
  }

  /// The tokens of `file` that are help.
  func tokens(of file: SourceFile) -> Set<Int> {
    let tokens = file.tokens
    // With these, a kind could print its own declarations.
    let reflection: Set<String> = ["Mirror", "dump", "reflecting", "describing"]
    guard file.imports.contains("Workflow"), file.bare.isDisjoint(with: reflection) else { return [] }
    var help = Set<Int>()
    for i in 0..<tokens.count where tokens.isWord(i) {
      let word = tokens.spelling(i)
      if wrappers.contains(word), tokens.at(i - 1, "@"), tokens.at(i + 1, "("), tokens.isPlainString(i + 2),
        tokens.at(i + 3, ",") || tokens.at(i + 3, ")")
      {
        help.insert(i + 2)
      }
      if kinds.contains(file.path), properties.contains(word), tokens.spelling(i - 1) == "let",
        tokens.spelling(i - 2) == "static", tokens.at(i + 1, "="), tokens.isPlainString(i + 2),
        endsStatement(i + 3, tokens)
      {
        help.insert(i + 2)
      }
      // `\(self)` prints them too.
      if word == "self", tokens.kind(i - 1) == .text, tokens.kind(i + 1) == .text { return [] }
    }
    return help
  }

  /// Whether the statement before token `i` is over, rather than going on with an operator or a call.
  private func endsStatement(_ i: Int, _ tokens: SwiftTokens) -> Bool {
    guard i < tokens.count, !tokens.at(i, "}"), !tokens.at(i, ";") else { return true }
    return tokens.tokens[i].gap == .line && (tokens.isWord(i) || tokens.at(i, "@"))
  }
}
