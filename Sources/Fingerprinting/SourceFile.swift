// Owns what one Swift source says of itself without being compiled: what it imports and mentions, by which names
// others reach it, and what in it works without being named. When unsure, a name counts and a file works unnamed.

/// A Swift source as the reach of stage kinds sees it.
struct SourceFile: Sendable {
  /// `Stages/Kinds/Train.swift`.
  let path: String
  let module: String
  let tokens: SwiftTokens
  private(set) var imports = Set<String>()
  /// Modules that whoever imports this module imports too.
  private(set) var reexports = Set<String>()
  /// Identifiers that stand by themselves, and so may mean anything in sight.
  private(set) var bare = Set<String>()
  /// Identifiers after a dot, which mean members.
  private(set) var dotted = Set<String>()
  /// Identifiers after a module's name and a dot.
  private(set) var qualified: [String: Set<String>] = [:]
  /// The line where each identifier first stands.
  private(set) var lines: [String: Int] = [:]

  /// Names of types, functions and values declared at the top of the file, for others to see.
  private(set) var top = Set<String>()
  /// Those that other modules can see.
  private(set) var exported = Set<String>()
  /// The types among them, with what their declaration says they conform to.
  private(set) var types: [String: Set<String>] = [:]
  /// Types of every depth that aren't protocols.
  private(set) var concrete = Set<String>()
  private(set) var extensions: [Extension] = []
  /// Why it counts for everyone in sight; nil if it doesn't.
  private(set) var actsUnnamed: String?
  /// Every member in a type's declaration: its name (the type's, if it has none), and the words of its signature.
  private(set) var signatures: [(name: String, words: Set<String>)] = []
  /// Where a list stands in a file of its own: the type of its entries, and their names.
  private(set) var list: (type: String, entries: [String])?

  struct Extension: Sendable {
    /// The path of the extended type: `Outer.Inner`.
    let type: [String]
    let conformances: Set<String>
    /// Members that others can name.
    var members = Set<String>()
    /// Whether it has members that are used without their name.
    var hasUnnamed = false
  }

  init(path: String, module: String, text: String, modules: Set<String>) {
    self.path = path
    self.module = module
    let written = SwiftTokens(text)
    tokens = written.isCertain ? written.withoutForeseeing : written
    guard tokens.isCertain else {
      // Nothing can be said of it: it mentions all its words and works unnamed.
      bare = Set(text.split { !($0.isLetter || $0.isNumber || $0 == "_") }.map(String.init))
      for word in bare { lines[word] = 1 }
      imports = modules
      actsUnnamed = "can't be read: brackets, strings or comments in it don't close"
      return
    }
    findMentions(modules)
    findDeclarations()
    findList()
  }

  // MARK: Mentions

  /// Attributes and functions by which strings name code.
  private static let namesInStrings: Set<String> = [
    "externalMacro", "_typeByName", "NSClassFromString", "dlsym", "_silgen_name", "_cdecl", "_extern",
  ]

  private mutating func findMentions(_ modules: Set<String>) {
    var open: [Character] = []
    var stringsCount = false
    for i in 0..<tokens.count {
      switch tokens.tokens[i].kind {
      case .mark:
        for bracket: Character in ["(", "[", "{"] where tokens.at(i, bracket) { open.append(bracket) }
        if tokens.at(i, ")") || tokens.at(i, "]") || tokens.at(i, "}") { open.removeLast() }
      case .word:
        let word = tokens.spelling(i)
        if SourceFile.namesInStrings.contains(word) { stringsCount = true }
        if tokens.at(i - 1, ".") {
          mention(word, line: tokens.tokens[i].line, in: \.dotted)
          let owner = tokens.spelling(i - 2)
          if tokens.isWord(i - 2), !tokens.at(i - 3, "."), modules.contains(owner) {
            qualified[owner, default: []].insert(word)
          }
          continue
        }
        // A label names a parameter, and what follows `func` or `struct` is declared here.
        let isLabel =
          open.last == "(" && tokens.at(i + 1, ":") && (tokens.at(i - 1, "(") || tokens.at(i - 1, ","))
        let declares: Set<String> = ["func", "struct", "class", "enum", "actor", "protocol", "typealias"]
        let isDeclared =
          tokens.isWord(i - 1) && declares.contains(tokens.spelling(i - 1)) && !tokens.at(i - 2, ".")
          && tokens.spelling(i - 2) != "import"
        if !isLabel && !isDeclared { mention(word, line: tokens.tokens[i].line, in: \.bare) }
      case .regex: words(of: i)
      case .text, .number, .op: break
      }
    }
    if stringsCount { for i in 0..<tokens.count where tokens.kind(i) == .text { words(of: i) } }
  }

  private mutating func mention(_ word: String, line: Int, in names: WritableKeyPath<SourceFile, Set<String>>)
  {
    func add(_ word: String, to file: inout SourceFile) {
      file[keyPath: names].insert(word)
      if file.lines[word] == nil { file.lines[word] = line }
    }
    add(word, to: &self)
    // `$x` is `x` wrapped; letters beyond ASCII may be an operator's.
    if word.hasPrefix("$") { add(String(word.dropFirst()), to: &self) }
    if word.utf8.contains(where: { $0 >= 0x80 }) {
      for part in word.split(whereSeparator: { !($0.isLetter || $0.isNumber || $0 == "_") }) {
        add(String(part), to: &self)
      }
    }
  }

  private mutating func words(of i: Int) {
    for word in tokens.spelling(i).split(whereSeparator: { !($0.isLetter || $0.isNumber || $0 == "_") }) {
      mention(String(word), line: tokens.tokens[i].line, in: \.bare)
    }
  }

  // MARK: Declarations

  private enum Scope {
    /// The body of a type's declaration.
    case type(String)
    /// The body of an extension at the top of the file, by its index; nil if it is private.
    case extended(Int?)
    case code
  }

  private static let typeKeywords: Set<String> = ["struct", "class", "enum", "actor", "protocol"]
  private static let modifiers: Set<String> = [
    "public", "private", "fileprivate", "internal", "package", "open", "static", "class", "final", "override",
    "mutating", "nonmutating", "nonisolated", "lazy", "weak", "unowned", "indirect", "convenience",
    "required",
    "dynamic", "optional", "async", "isolated", "distributed", "consuming", "borrowing", "prefix", "postfix",
    "infix",
  ]
  /// Attributes that make nothing that others could use by a name that isn't written.
  private static let plainAttributes: Set<String> = [
    "available", "frozen", "inlinable", "usableFromInline", "discardableResult", "main", "propertyWrapper",
    "resultBuilder", "dynamicMemberLookup", "dynamicCallable", "MainActor", "globalActor", "preconcurrency",
    "testable", "inline", "concurrent", "nonobjc", "Sendable", "unchecked", "retroactive", "TaskLocal",
  ]
  /// Members that syntax uses: calls, subscripts, interpolation, loops, wrappers.
  private static let implicitMembers: Set<String> = [
    "callAsFunction", "dynamicallyCall", "wrappedValue", "projectedValue", "makeIterator",
    "makeAsyncIterator",
    "next",
  ]
  /// Types that literals have where nothing says otherwise.
  private static let literalTypes: Set<String> = [
    "IntegerLiteralType", "FloatLiteralType", "StringLiteralType", "BooleanLiteralType",
    "ExtendedGraphemeClusterType", "UnicodeScalarType",
  ]

  private mutating func findDeclarations() {
    var scopes: [Scope] = []
    var bodyAt: [Int: Scope] = [:]
    var i = 0
    while i < tokens.count {
      defer { i += 1 }
      if tokens.at(i, "{") {
        scopes.append(bodyAt[i] ?? .code)
      } else if tokens.at(i, "}") {
        _ = scopes.popLast()
      } else if tokens.at(i, "#"), scopes.isEmpty {
        let known: Set<String> = ["if", "else", "elseif", "endif", "warning", "error", "sourceLocation"]
        let macro = tokens.spelling(i + 1)
        if !known.contains(macro) { works("the macro #\(macro) declares things in it") }
      } else if tokens.isWord(i), !tokens.at(i - 1, "."), !(tokens.at(i + 1, ":") && tokens.at(i - 1, "(")) {
        declaration(at: &i, in: scopes, bodies: &bodyAt)
      }
    }
  }

  private mutating func works(_ reason: String) { actsUnnamed = actsUnnamed ?? reason }

  private mutating func declaration(at i: inout Int, in scopes: [Scope], bodies: inout [Int: Scope]) {
    let word = tokens.spelling(i)
    var atTop = false
    var extended: Int??
    switch scopes.last {
    case nil: atTop = true
    case .extended(let index): extended = .some(index)
    case .type: break
    case .code: return nested(at: i, bodies: &bodies)
    }
    switch word {
    case "import" where atTop:
      let kinds: Set<String> = ["struct", "class", "enum", "func", "var", "let", "protocol", "typealias"]
      let named = kinds.contains(tokens.spelling(i + 1)) ? i + 2 : i + 1
      imports.insert(tokens.spelling(named))
      if attributes(before: i).contains("_exported") {
        reexports.insert(tokens.spelling(named))
        works("re-exports a module")
      }
      // The rest of the path isn't a mention of a keyword.
      i = named
    case "extension" where atTop: extensionHeader(at: i, bodies: &bodies)
    case _
    where SourceFile.typeKeywords.contains(word) && tokens.isWord(i + 1) && tokens.spelling(i + 1) != "func"
      && tokens.spelling(i + 1) != "var":
      let name = tokens.spelling(i + 1)
      let (conformances, body) = header(from: i + 2)
      if word != "protocol" { concrete.insert(name) }
      if atTop || extended != nil {
        declare(name, at: i, atTop: atTop, extended: extended)
        if atTop {
          checkAttributes(at: i)
          types[name, default: []].formUnion(conformances)
        }
      } else {
        types[name, default: []].formUnion(conformances)
      }
      if let body { bodies[body] = .type(name) }
      i += 1
    case "operator" where atTop, "precedencegroup" where atTop: works("declares an operator")
    case "macro" where atTop && tokens.isWord(i + 1), "typealias", "associatedtype":
      let name = tokens.spelling(i + 1)
      if SourceFile.literalTypes.contains(name) { works("declares \(name)") }
      declare(name, at: i, atTop: atTop, extended: extended)
      sign(name, from: i + 1, in: scopes)
      if atTop, word == "typealias" { types[name, default: []].formUnion(["typealias"]) }
    case "func":
      guard tokens.isWord(i + 1) else {
        if atTop { works("declares an operator's function") } else { unnamed(extended, at: i) }
        sign(nil, from: i + 1, in: scopes)
        return
      }
      let name = tokens.spelling(i + 1)
      let isImplicit =
        SourceFile.implicitMembers.contains(name) || name.hasPrefix("build") || name.hasPrefix("append")
      if isImplicit, !atTop { unnamed(extended, at: i) }
      declare(name, at: i, atTop: atTop, extended: extended)
      if atTop { checkAttributes(at: i) }
      sign(name, from: i + 1, in: scopes)
    case "init" where !atTop, "subscript" where !atTop:
      unnamed(extended, at: i)
      sign(nil, from: i + 1, in: scopes)
    case "let", "var", "case":
      guard word != "case" || !atTop else { return }
      for name in patternNames(after: i) {
        if SourceFile.implicitMembers.contains(name), !atTop { unnamed(extended, at: i) }
        declare(name, at: i, atTop: atTop, extended: extended)
        sign(name, from: i + 1, in: scopes)
      }
      if atTop { checkAttributes(at: i) }
    default: break
    }
  }

  /// Types inside functions are nobody else's; only their bodies have to be told apart.
  private mutating func nested(at i: Int, bodies: inout [Int: Scope]) {
    guard SourceFile.typeKeywords.contains(tokens.spelling(i)), tokens.isWord(i + 1) else { return }
    let (conformances, _) = header(from: i + 2)
    types[tokens.spelling(i + 1), default: []].formUnion(conformances)
  }

  private mutating func declare(_ name: String, at i: Int, atTop: Bool, extended: Int??) {
    guard !isPrivate(i) else { return }
    if atTop {
      top.insert(name)
      if isExported(i) { exported.insert(name) }
    } else if case .some(.some(let index)) = extended {
      extensions[index].members.insert(name)
    }
  }

  private mutating func unnamed(_ extended: Int??, at i: Int) {
    if case .some(.some(let index)) = extended, !isPrivate(i) { extensions[index].hasUnnamed = true }
  }

  private mutating func extensionHeader(at i: Int, bodies: inout [Int: Scope]) {
    var type: [String] = []
    var j = i + 1
    while tokens.isWord(j) {
      type.append(tokens.spelling(j))
      guard tokens.at(j + 1, ".") else { break }
      j += 2
    }
    let (conformances, body) = header(from: j + 1)
    if type.isEmpty { works("extends a type that is written with brackets") }
    var index: Int?
    if !type.isEmpty, !isPrivate(i) {
      index = extensions.count
      extensions.append(Extension(type: type, conformances: conformances))
    }
    checkAttributes(at: i)
    if let body { bodies[body] = .extended(index) }
  }

  /// What a type's header says it conforms to (or inherits), and where its body opens.
  private func header(from start: Int) -> (conformances: Set<String>, body: Int?) {
    var conformances = Set<String>()
    var angle = 0
    var isAfterColon = false
    for j in start..<max(start, tokens.count) {
      if tokens.at(j, "{") { return (conformances, j) }
      if tokens.kind(j) == .op {
        for c in tokens.spelling(j) { angle += c == "<" ? 1 : c == ">" ? -1 : 0 }
      } else if angle == 0, tokens.at(j, ":") {
        isAfterColon = true
      } else if tokens.isWord(j), angle == 0 {
        if tokens.spelling(j) == "where" { isAfterColon = false }
        let isOwner = tokens.at(j + 1, ".")
        if isAfterColon, !isOwner, !tokens.at(j - 1, "@") { conformances.insert(tokens.spelling(j)) }
      } else if tokens.at(j, "}") {
        return (conformances, nil)
      }
    }
    return (conformances, nil)
  }

  /// The names that `let`, `var` or `case` at `i` declares: `a` and `b` of `let a = 1, b = 2` and of `let (a, b)`.
  private func patternNames(after i: Int) -> [String] {
    var names: [String] = []
    var j = i + 1
    var expectsPattern = true
    while j < tokens.count {
      if tokens.at(j, "{") || tokens.at(j, "[") || (tokens.at(j, "(") && !expectsPattern) {
        j = tokens.closing(j) + 1
        expectsPattern = false
        continue
      }
      if tokens.at(j, "("), expectsPattern {
        let end = tokens.closing(j)
        for k in j..<end where tokens.isWord(k) && !tokens.at(k + 1, ":") { names.append(tokens.spelling(k)) }
        j = end + 1
        expectsPattern = false
        continue
      }
      let continues =
        j == i + 1 || tokens.at(j - 1, ",") || tokens.kind(j - 1) == .op || tokens.at(j - 1, ":")
      if tokens.tokens[j].gap == .line, !continues, tokens.kind(j) != .op { break }
      if tokens.at(j, "}") || tokens.at(j, ";") || tokens.at(j, ")") { break }
      if tokens.at(j, ",") {
        expectsPattern = true
      } else if expectsPattern, tokens.isWord(j) {
        // Commas also stand between generic arguments; there, no `=`, `:` or `,` follows a name.
        let follows = tokens.at(j + 1, "=") || tokens.at(j + 1, ":") || tokens.at(j + 1, ",")
        if names.isEmpty || follows || tokens.at(j + 1, "(")
          || (j + 1 < tokens.count && tokens.tokens[j + 1].gap == .line)
        {
          names.append(tokens.spelling(j))
        }
        expectsPattern = false
      } else {
        expectsPattern = false
      }
      j += 1
    }
    return names
  }

  /// Notes what a member's signature mentions: everything up to its body, or to the next line.
  private mutating func sign(_ name: String?, from start: Int, in scopes: [Scope]) {
    var owner: String?
    if case .type(let type) = scopes.last { owner = type }
    if case .extended(let index?) = scopes.last { owner = extensions[index].type.last }
    guard let name = name ?? owner else { return }
    var words = Set<String>()
    var depth = 0
    for j in start..<max(start, tokens.count) {
      if tokens.at(j, "(") || tokens.at(j, "[") { depth += 1 }
      if tokens.at(j, ")") || tokens.at(j, "]") { depth -= 1 }
      if depth < 0 || tokens.at(j, "{") || tokens.at(j, "}") { break }
      let isFresh = j > start && tokens.tokens[j].gap == .line && tokens.kind(j - 1) != .op
      if depth == 0, isFresh, tokens.isWord(j) || tokens.at(j, "@") { break }
      if tokens.isWord(j) { words.insert(tokens.spelling(j)) }
    }
    signatures.append((name, words))
  }

  /// Whether the declaration whose keyword stands at `i` is private to its file.
  private func isPrivate(_ i: Int) -> Bool {
    var result = false
    walkBack(from: i) { word, hasArguments, isAttribute in
      if !isAttribute, !hasArguments, word == "private" || word == "fileprivate" { result = true }
    }
    return result
  }

  private func isExported(_ i: Int) -> Bool {
    var result = false
    walkBack(from: i) { word, hasArguments, isAttribute in
      if !isAttribute, !hasArguments, ["public", "open", "package"].contains(word) { result = true }
    }
    return result
  }

  private func attributes(before i: Int) -> Set<String> {
    var found = Set<String>()
    walkBack(from: i) { word, _, isAttribute in if isAttribute { found.insert(word) } }
    return found
  }

  private mutating func checkAttributes(at i: Int) {
    for name in attributes(before: i) where !SourceFile.plainAttributes.contains(name) {
      works("has the attribute @\(name) at its top")
    }
  }

  /// Visits the modifiers and attributes before token `i`.
  private func walkBack(
    from i: Int, _ visit: (_ word: String, _ hasArguments: Bool, _ isAttribute: Bool) -> Void
  ) {
    var j = i - 1
    while j >= 0 {
      var hasArguments = false
      if tokens.at(j, ")") {
        var depth = 0
        repeat {
          if tokens.at(j, ")") { depth += 1 }
          if tokens.at(j, "(") { depth -= 1 }
          j -= 1
        } while depth > 0 && j >= 0
        hasArguments = true
      }
      guard tokens.isWord(j) else { return }
      let word = tokens.spelling(j)
      let isAttribute = tokens.at(j - 1, "@")
      guard isAttribute || SourceFile.modifiers.contains(word) else { return }
      visit(word, hasArguments, isAttribute)
      j -= isAttribute ? 2 : 1
    }
  }

  // MARK: Lists

  /// Recognises a file with nothing but `extension X { static let all: [X] = [.a, .b] }`.
  private mutating func findList() {
    guard extensions.count == 1, top.isEmpty, let own = extensions.first, own.members.count == 1,
      let type = own.type.last, own.type.count == 1, own.conformances.isEmpty, !own.hasUnnamed
    else { return }
    let pattern = [
      "extension", type, "{", "static", "let", own.members.first!, ":", "[", type, "]", "=", "[",
    ]
    var spelled: [String] = []
    var i = 0
    while i < tokens.count {
      if tokens.spelling(i) == "import" {
        i += 2
      } else {
        if tokens.spelling(i) != "public" { spelled.append(tokens.spelling(i)) }
        i += 1
      }
    }
    guard spelled.starts(with: pattern), spelled.suffix(2) == ["]", "}"] else { return }
    var entries: [String] = []
    let body = spelled[pattern.count..<(spelled.count - 2)].filter { $0 != "," }
    guard body.count % 2 == 0 else { return }
    var j = body.startIndex
    while j < body.endIndex {
      guard body[j] == "." else { return }
      entries.append(body[j + 1])
      j += 2
    }
    list = (type, entries)
  }
}
