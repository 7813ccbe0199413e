// Owns which of the stages' shared files a kind's code can reach, by the names it writes.
//
// To use a declaration, Swift code has to write its name, the name of the type it extends, or the name of a type
// that it gave an operator or a conformance to. The first two are looked for; files that declare operators, or
// conformances in extensions (which work without being named), count for everyone. So a file left out can't be
// reached, and a file kept without need costs a rerun at worst.

/// The files of `shared` that `root` reaches, directly or through other shared files.
func reachedFiles(_ shared: [String: String], from root: String) -> [String: String] {
  let words = shared.mapValues { wordsOf($0) }
  let declared = shared.mapValues { declarations(in: $0) }
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
private func wordsOf(_ text: String) -> Set<Substring> {
  Set(text.split { !($0.isLetter || $0.isNumber || $0 == "_") })
}

/// Every name that follows a declaring keyword anywhere in the text; of an extension, the extended type.
private func declarations(in text: String) -> Set<Substring> {
  let keywords: Set<Substring> = [
    "struct", "class", "enum", "actor", "protocol", "typealias", "extension", "func", "var", "let", "case",
    "macro",
  ]
  let words = text.split { !($0.isLetter || $0.isNumber || $0 == "_") }
  return Set(zip(words, words.dropFirst()).compactMap { keywords.contains($0) ? $1 : nil })
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
