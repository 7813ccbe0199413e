// Owns the grammar of `${…}`:
//
//     text := (char | "$${" | "${" expr "}")*
//     expr := path [("==" | "!=" | "<" | "<=" | ">" | ">=") term | "in" (path | "[" term ("," term)* "]")]
//     path := name ["[" sel ("," sel)* "]"] ("." name)* | "params" ("." name ["[" path "]"])*
//     sel  := name ("." name)* "=" term ("|" term)*
//     term := path | 'string' | number | true | false | bareword

import Workflow

extension Expression {
  /// Splits a text into literals (with `$${` read as `${`) and expressions.
  static func segments(of text: String, at place: Place) throws -> [Segment] {
    var parser = ExpressionParser(text, at: place)
    return try parser.segments()
  }

  /// Reads a path that stands alone, as on the command line: `stitched[method=fula].map`.
  static func path(_ text: String, at place: Place) throws -> Path {
    var parser = ExpressionParser(text, at: place)
    return try parser.onlyPath()
  }
}

/// What a bare term, an axis value in a name and a name itself may consist of.
enum Spelling {
  /// Whether `text` can stand in an instance's name as it is; otherwise it is put in quotes.
  static func isBare(_ text: String) -> Bool {
    !text.isEmpty && text.unicodeScalars.allSatisfy(isBare) && !isRooted(text)
  }

  /// `it's` → `'it''s'`.
  static func quoted(_ text: String) -> String { "'" + text.replacing("'", with: "''") + "'" }

  static func isBare(_ c: Unicode.Scalar) -> Bool {
    isName(c) || "./:+%@~".unicodeScalars.contains(c) || (!c.isASCII && c.properties.isAlphabetic)
  }

  /// Whether a bare term reads as a path.
  static func isRooted(_ text: String) -> Bool { text.hasPrefix("params.") || text.hasPrefix("matrix.") }

  static func isName(_ c: Unicode.Scalar) -> Bool {
    switch c {
    case "a"..."z", "A"..."Z", "0"..."9", "_", "-": true
    default: false
    }
  }

  /// A name of a stage, an axis, an output or a parameter.
  static func isName(_ text: String) -> Bool {
    guard let first = text.unicodeScalars.first, first != "-", !("0"..."9").contains(first) else {
      return false
    }
    return text.unicodeScalars.allSatisfy(isName)
  }
}

private struct ExpressionParser {
  /// `model[a=b[c=d[…` deeper than this is no reference that anybody wrote.
  private static let maximumDepth = 32
  let text: [Unicode.Scalar]
  let place: Place
  var i = 0

  init(_ text: String, at place: Place) {
    self.text = Array(text.unicodeScalars)
    self.place = place
  }

  mutating func segments() throws -> [Segment] {
    var segments: [Segment] = []
    var literal = String.UnicodeScalarView()
    while i < text.count {
      if starts("$${") {
        literal.append(contentsOf: "${".unicodeScalars)
        i += 3
      } else if starts("${") {
        if !literal.isEmpty { segments.append(.literal(String(literal))) }
        literal = String.UnicodeScalarView()
        i += 2
        segments.append(.expression(try expression()))
      } else {
        literal.append(text[i])
        i += 1
      }
    }
    if !literal.isEmpty { segments.append(.literal(String(literal))) }
    return segments
  }

  mutating func onlyPath() throws -> Path {
    let path = try path(depth: 0)
    skipSpace()
    guard i == text.count else { throw unexpected("the end") }
    return path
  }

  private mutating func expression() throws -> Expression {
    var expression = Expression(path: try path(depth: 0))
    skipSpace()
    let operations: [Comparison] = [.equal, .notEqual, .lessOrEqual, .less, .greaterOrEqual, .greater, .isIn]
    if let operation = operations.first(where: { starts($0.rawValue) }) {
      i += operation.rawValue.count
      expression.comparison = (operation, operation == .isIn ? try list() : [try term(depth: 0)])
    }
    skipSpace()
    guard take("}") else { throw unexpected("'}'") }
    return expression
  }

  /// What stands behind `in`.
  private mutating func list() throws -> [Term] {
    skipSpace()
    guard take("[") else {
      let term = try term(depth: 0)
      guard case .path = term else {
        throw issue("'in' takes a list, such as [a, b] or params.x, in \(shown)")
      }
      return [term]
    }
    var terms: [Term] = []
    repeat { terms.append(try term(depth: 0)) } while take(",")
    guard take("]") else { throw unexpected("',' or ']'") }
    return terms
  }

  private mutating func path(depth: Int) throws -> Path {
    guard depth < ExpressionParser.maximumDepth else { throw issue("references are nested too deep") }
    skipSpace()
    let start = i
    var path = Path(root: try name(), text: "")
    if take("[") {
      repeat { path.selectors.append(try selector(depth: depth)) } while take(",")
      skipSpace()
      guard take("]") else { throw unexpected("',' or ']'") }
    }
    while take(".") {
      path.members.append(try name())
      if path.root == "params", take("[") { try choice(of: &path, depth: depth) }
    }
    path.text = string(start..<i)
    return path
  }

  /// The parameter that chooses a member, behind `[`.
  private mutating func choice(of path: inout Path, depth: Int) throws {
    let choice = try self.path(depth: depth + 1)
    guard choice.root == "params" else {
      throw issue(
        "a parameter chooses a member by another one, as in params.sizes[params.scale], in \(shown)")
    }
    skipSpace()
    guard take("]") else { throw unexpected("']'") }
    path.choices[path.members.count] = choice
    path.members.append("")
  }

  private mutating func selector(depth: Int) throws -> Selector {
    skipSpace()
    var axis = [try name()]
    while take(".") { axis.append(try name()) }
    skipSpace()
    guard take("=") else { throw unexpected("'='") }
    var terms = [try term(depth: depth)]
    while take("|") { terms.append(try term(depth: depth)) }
    return Selector(axis: axis, terms: terms)
  }

  /// Reads a term and the space after it.
  private mutating func term(depth: Int) throws -> Term {
    skipSpace()
    defer { skipSpace() }
    if take("'") {
      var value = String.UnicodeScalarView()
      while true {
        guard i < text.count else { throw issue("the quote ' is not closed in \(shown)") }
        if take("'") {
          guard take("'") else { return .quoted(String(value)) }
          value.append("'")
        } else {
          value.append(text[i])
          i += 1
        }
      }
    }
    let start = i
    while i < text.count, Spelling.isBare(text[i]) { i += 1 }
    guard i > start else { throw unexpected("a value") }
    let word = string(start..<i)
    guard Spelling.isRooted(word) || (i < text.count && text[i] == "[") else {
      return .bare(word)
    }
    i = start
    return .path(try path(depth: depth + 1))
  }

  private mutating func name() throws -> String {
    let start = i
    while i < text.count, Spelling.isName(text[i]) { i += 1 }
    guard i > start else { throw unexpected("a name") }
    return string(start..<i)
  }

  private mutating func skipSpace() {
    while i < text.count, text[i].properties.isWhitespace { i += 1 }
  }

  private mutating func take(_ c: Unicode.Scalar) -> Bool {
    guard i < text.count, text[i] == c else { return false }
    i += 1
    return true
  }

  private func starts(_ word: String) -> Bool {
    text[i...].starts(with: word.unicodeScalars)
  }

  private func string(_ range: Range<Int>) -> String {
    var view = String.UnicodeScalarView()
    view.append(contentsOf: text[range])
    return String(view)
  }

  /// The text for messages, cut to a length that a line can hold.
  private var shown: String {
    text.count <= 80 ? "'\(string(0..<text.count))'" : "'\(string(0..<80))…'"
  }

  private func unexpected(_ expected: String) -> DecodingIssue {
    let found = i < text.count ? "'\(text[i])'" : "the end"
    return issue("expected \(expected), found \(found) in \(shown)")
  }

  private func issue(_ message: String) -> DecodingIssue { DecodingIssue(place, message) }
}
