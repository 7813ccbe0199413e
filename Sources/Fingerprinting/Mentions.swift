// Owns which of the stages' shared files a kind's code can reach, by the names it writes.
//
// To get hold of a declaration of another file, Swift code has to write a name: that of a type, function or value
// declared at the top of the file, or, of an extension, that of the extended type or of the member. (A member of a type
// needs a value of the type, which comes from somewhere that names it.) Files that declare operators, or conformances
// in extensions, which work without being named, count for everyone. So a file left out can't be reached, and a file
// kept without need costs a rerun at worst.

/// The files of `shared` that `root` reaches, directly or through other shared files.
func reachedFiles(_ shared: [String: String], from root: String) -> [String: String] {
  let words = shared.mapValues { wordsOf($0) }
  let declared = shared.mapValues { reachableNames(in: $0) }
  var reached = shared.filter { actsUnnamed($0.value) }
  var frontier = [wordsOf(root)] + reached.keys.map { words[$0]! }
  while let mentioned = frontier.popLast() {
    for (path, text) in shared where reached[path] == nil && !declared[path]!.isDisjoint(with: mentioned) {
      reached[path] = text
      frontier.append(words[path]!)
    }
  }
  return reached
}

/// All words of the text, those in strings and interpolations included.
private func wordsOf(_ text: String) -> Set<String> {
  Set(text.split(whereSeparator: { !($0.isLetter || $0.isNumber || $0 == "_") }).map(String.init))
}

/// The names by which other files can get at what is declared here.
private func reachableNames(in text: String) -> Set<String> {
  let keywords: Set<String> = [
    "struct", "class", "enum", "actor", "protocol", "typealias", "extension", "func", "var", "let", "case",
    "macro",
  ]
  var names = Set<String>()
  var word = ""
  var previous = ""
  // Of each open brace, whether it is an extension's.
  var open: [Bool] = []
  var opensExtension = false
  func isVisible() -> Bool { open.allSatisfy { $0 } }
  func finishWord() {
    if word.isEmpty { return }
    if isVisible(), keywords.contains(previous) { names.insert(word) }
    if isVisible(), word == "extension" { opensExtension = true }
    previous = word
    word = ""
  }
  for c in text {
    if c.isLetter || c.isNumber || c == "_" {
      word.append(c)
      continue
    }
    finishWord()
    if c == "{" {
      open.append(opensExtension)
      opensExtension = false
    } else if c == "}" {
      // Braces in strings don't balance: then every word counts.
      guard open.popLast() != nil else { return wordsOf(text) }
    } else if c == "\n" {
      previous = ""
    }
  }
  finishWord()
  return open.isEmpty ? names : wordsOf(text)
}

/// Whether a file changes what code means that doesn't name anything in it.
private func actsUnnamed(_ text: String) -> Bool {
  text.split(separator: "\n").contains { line in
    let words = line.split { " (:{,<".contains($0) }
    if words.contains("operator") || words.contains("precedencegroup") { return true }
    guard words.contains("extension") else { return false }
    // A colon before the body or a `where` is a conformance.
    let head = line.prefix { $0 != "{" }
    let beforeWhere = head.split(separator: " where ", maxSplits: 1).first ?? head
    return beforeWhere.contains(":")
  }
}
