// Owns how a module is compiled, as far as its package's manifest says: the module's declaration there, the functions
// and constants that the declaration uses, and what holds for the whole package. Flags on the command line of a build
// can't be seen from here; what decides bits belongs into the manifest.

/// The parts of a manifest.
struct ManifestSettings {
  private let tokens: SwiftTokens
  private let toolsVersion: String
  /// The statements at the top, but for imports.
  private var statements: [Range<Int>] = []

  init(_ text: String) {
    tokens = SwiftTokens(text)
    toolsVersion = text.split(separator: "\n").first.map(String.init) ?? ""
    var starts: [Int] = []
    var depth = 0
    for i in 0..<tokens.count {
      let isFresh =
        i == 0 || (tokens.tokens[i].gap == .line && tokens.kind(i - 1) != .op) || tokens.at(i - 1, ";")
      if depth == 0, isFresh, tokens.isWord(i) || tokens.at(i, "@") || tokens.at(i, "#") { starts.append(i) }
      if tokens.at(i, "(") || tokens.at(i, "[") || tokens.at(i, "{") { depth += 1 }
      if tokens.at(i, ")") || tokens.at(i, "]") || tokens.at(i, "}") { depth -= 1 }
    }
    statements = zip(starts, starts.dropFirst() + [tokens.count]).map { $0..<$1 }
      .filter { tokens.spelling($0.lowerBound) != "import" }
  }

  /// What of the manifest decides how `module` is compiled. All of it where the module's declaration isn't found.
  func text(of module: String) -> String {
    let declarations = self.declarations(of: module)
    guard tokens.isCertain, !declarations.isEmpty else {
      return toolsVersion + "\n" + tokens.significantText()
    }
    var parts = declarations
    var used = Set<Int>()
    var names = parts.reduce(into: Set<String>()) { $0.formUnion(words(in: $1)) }
    var grows = true
    while grows {
      grows = false
      for (n, statement) in statements.enumerated() where !used.contains(n) && !declaresPackage(statement) {
        // Statements that aren't declarations may change anything.
        if let name = declaredName(statement), !names.contains(name) { continue }
        used.insert(n)
        names.formUnion(words(in: statement))
        parts.append(statement)
        grows = true
      }
    }
    parts += packageSettings
    let texts = parts.sorted { $0.lowerBound < $1.lowerBound }.map { range in
      tokens.significantText(range, without: dependencies(in: range))
    }
    return ([toolsVersion] + texts).joined(separator: "\n")
  }

  /// Calls that declare a target of this name, such as `.target(name: "Tensor", …)` and `numerics("Tensor", …)`.
  private func declarations(of module: String) -> [Range<Int>] {
    let others: Set<String> = [
      "Package", "package", "product", "library", "executable", "testTarget", "byName", "plugin", "copy",
      "process",
    ]
    return (0..<tokens.count).compactMap { i in
      guard tokens.kind(i) == .text, tokens.spelling(i) == "\"\(module)\"" else { return nil }
      let open = tokens.spelling(i - 2) == "name" && tokens.at(i - 1, ":") ? i - 3 : i - 1
      guard tokens.at(open, "("), tokens.isWord(open - 1) else { return nil }
      let callee = tokens.spelling(open - 1)
      if others.contains(callee) || declaresTests(callee) { return nil }
      return (open - 1)..<(tokens.closing(open) + 1)
    }
  }

  private func declaresTests(_ function: String) -> Bool {
    statements.contains { declaredName($0) == function && words(in: $0).contains("testTarget") }
  }

  private func words(in range: Range<Int>) -> Set<String> {
    Set(range.filter { tokens.isWord($0) }.map(tokens.spelling))
  }

  private func declaresPackage(_ statement: Range<Int>) -> Bool { declaredName(statement) == "package" }

  private func declaredName(_ statement: Range<Int>) -> String? {
    let keywords: Set<String> = ["let", "var", "func", "struct", "enum", "extension"]
    guard let i = statement.first(where: { tokens.isWord($0) }), keywords.contains(tokens.spelling(i)) else {
      return nil
    }
    return tokens.spelling(i + 1)
  }

  /// Language versions, which hold for all targets.
  private var packageSettings: [Range<Int>] {
    let labels: Set<String> = [
      "swiftLanguageModes", "swiftLanguageVersions", "cLanguageStandard", "cxxLanguageStandard",
    ]
    return (0..<tokens.count).filter { tokens.isWord($0) && labels.contains(tokens.spelling($0)) }.map { i in
      i..<argumentEnd(i)
    }
  }

  /// The lists of dependencies: which sources a kind reaches is told by the sources.
  private func dependencies(in range: Range<Int>) -> Set<Int> {
    range.filter { tokens.spelling($0) == "dependencies" && tokens.at($0 + 1, ":") && tokens.at($0 + 2, "[") }
      .reduce(into: Set<Int>()) { $0.formUnion($1..<argumentEnd($1)) }
  }

  /// Where the argument whose label stands at `i` ends.
  private func argumentEnd(_ i: Int) -> Int {
    var j = i + 1
    while j < tokens.count, !tokens.at(j, ","), !tokens.at(j, ")") {
      j = tokens.at(j, "(") || tokens.at(j, "[") || tokens.at(j, "{") ? tokens.closing(j) + 1 : j + 1
    }
    return j
  }
}
