// Owns which text in a kind's files decides nothing: what `bobbin kinds` and error messages say, as long as it is plain
// text in the places that are known, and nothing here can read it; and the declarations of parameters that a kind hasn't
// always had, whose values and types are in the keys of those who use them.

/// The help texts in the files that a kind reaches.
struct HelpTexts {
  private let kinds: Set<String>
  /// The names of their types.
  private let types: Set<String>
  /// Static properties of kinds that can't be read anywhere in these files.
  private let properties: Set<String>
  private let wrappers: Set<String>

  /// - Parameters:
  ///   - files: all that the kind reaches.
  ///   - kinds: those among them that declare it.
  ///   - types: the kind's, by name.
  init(of files: [SourceFile], kinds: Set<String>, types: Set<String>) {
    self.kinds = kinds
    self.types = types
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
      if kinds.contains(file.path), word == "struct", types.contains(tokens.spelling(i + 1)) {
        help.formUnion(newParameters(ofTypeAt: i, tokens))
      }
      // `\(self)` prints them too.
      if word == "self", tokens.kind(i - 1) == .text, tokens.kind(i + 1) == .text { return [] }
    }
    return help
  }

  /// The declarations of parameters with `since:` in the type declared at token `i`, whole.
  private func newParameters(ofTypeAt i: Int, _ tokens: SwiftTokens) -> Set<Int> {
    guard wrappers.contains("Parameter"), let open = (i..<tokens.count).first(where: { tokens.at($0, "{") })
    else {
      return []
    }
    var found = Set<Int>()
    let end = tokens.closing(open)
    var j = open + 1
    while j < end {
      if tokens.at(j, "@"), tokens.spelling(j + 1) == "Parameter", tokens.at(j + 2, "("),
        let declaration = newParameter(at: j, tokens)
      {
        found.formUnion(declaration)
        j = declaration.upperBound
      } else {
        // What is in brackets is no member of the type.
        let isOpening = tokens.at(j, "{") || tokens.at(j, "(") || tokens.at(j, "[")
        j = isOpening ? tokens.closing(j) + 1 : j + 1
      }
    }
    return found
  }

  /// The tokens of the declaration that begins with `@Parameter(` at `i`, if it says `since:` and is a plain one: on one
  /// line from `var` on, without a body.
  private func newParameter(at i: Int, _ tokens: SwiftTokens) -> Range<Int>? {
    let close = tokens.closing(i + 2)
    var isNew = false
    var j = i + 3
    while j < close {
      if tokens.spelling(j) == "since", tokens.at(j + 1, ":") { isNew = true }
      let isOpening = tokens.at(j, "{") || tokens.at(j, "(") || tokens.at(j, "[")
      j = isOpening ? tokens.closing(j) + 1 : j + 1
    }
    guard isNew, tokens.spelling(close + 1) == "var" else { return nil }
    j = close + 2
    while j < tokens.count, tokens.tokens[j].gap != .line, !tokens.at(j, "}"), !tokens.at(j, ";") {
      if tokens.at(j, "{") { return nil }
      let isOpening = tokens.at(j, "(") || tokens.at(j, "[")
      j = isOpening ? tokens.closing(j) + 1 : j + 1
    }
    let goesOn = ["as", "is", "in"].contains(tokens.spelling(j))
    return endsStatement(j, tokens) && !goesOn ? i..<j : nil
  }

  /// Whether the statement before token `i` is over, rather than going on with an operator or a call.
  private func endsStatement(_ i: Int, _ tokens: SwiftTokens) -> Bool {
    guard i < tokens.count, !tokens.at(i, "}"), !tokens.at(i, ";") else { return true }
    return tokens.tokens[i].gap == .line && (tokens.isWord(i) || tokens.at(i, "@"))
  }
}
