// Owns the shape of the expression language: what stands in `${…}`, and a YAML value whose texts may hold
// some. Parsing is in `ExpressionParsing`, meaning in `Evaluation`.

import Workflow

/// `path [comparison term]`, or `path in [term, …]`.
struct Expression {
  var path: Path
  /// What stands behind the path: one term, of `in` any number, which may be lists.
  var comparison: (operation: Comparison, terms: [Term])?
}

enum Comparison: String {
  case equal = "=="
  case notEqual = "!="
  case less = "<"
  case lessOrEqual = "<="
  case greater = ">"
  case greaterOrEqual = ">="
  case isIn = "in"
}

/// `name ["[" selector, … "]"] ("." name)*`: `params.seeds`, `matrix.front.seed`, `model[seed=0].model`. Of params, a
/// member may be chosen by another one: `params.sizes[params.scale].train`.
struct Path {
  var root: String
  var selectors: [Selector] = []
  /// A chosen member is empty here.
  var members: [String] = []
  /// What chooses members, by their position.
  var choices: [Int: Path] = [:]
  /// As written, for messages.
  var text: String

  /// The roots that are no stages.
  static let roots: Set<String> = ["params", "matrix", "out", "in"]
}

/// `axis = term | term …`, the axis perhaps one of a member: `front.seed=0|1`.
struct Selector {
  var axis: [String]
  var terms: [Term]
}

/// What a selector or comparison compares with.
indirect enum Term {
  /// A number, a truth value or a word.
  case bare(String)
  case quoted(String)
  /// `params.x`, `matrix.x` or a reference with selectors: `model[seed=0]`.
  case path(Path)
}

/// A piece of a text.
enum Segment {
  case literal(String)
  case expression(Expression)
}

/// A value as written, its texts parsed.
indirect enum Template {
  case null(Place)
  case scalar(String, quoted: Bool, Place)
  /// The whole value is one `${…}` and keeps its type.
  case whole(Expression, Place)
  case text([Segment], quoted: Bool, Place)
  case list([Template], Place)
  case map([Member], Place)

  struct Member {
    var name: String
    var place: Place
    var value: Template
  }

  /// Parses the texts in `raw`. Throws `DecodingIssue`.
  init(_ raw: RawValue) throws {
    switch raw {
    case .null(let place): self = .null(place)
    case .scalar(let text, let quoted, let place):
      guard text.contains("${") else {
        self = .scalar(text, quoted: quoted, place)
        return
      }
      let segments = try Expression.segments(of: text, at: place)
      switch (segments.count, segments.first) {
      case (1, .expression(let expression)?): self = .whole(expression, place)
      case (1, .literal(let literal)?): self = .scalar(literal, quoted: quoted, place)
      default: self = .text(segments, quoted: quoted, place)
      }
    case .list(let values, let place): self = .list(try values.map { try Template($0) }, place)
    case .map(let members, let place):
      self = .map(
        try members.map { Member(name: $0.name, place: $0.place, value: try Template($0.value)) }, place)
    }
  }

  var place: Place {
    switch self {
    case .null(let place), .scalar(_, _, let place), .whole(_, let place), .text(_, _, let place),
      .list(_, let place), .map(_, let place):
      place
    }
  }

  /// Calls `visit` with every path in this value, those inside selectors and comparisons included.
  func visitPaths(_ visit: (Path, Place) -> Void) {
    switch self {
    case .null, .scalar: break
    case .whole(let expression, let place): expression.visitPaths { visit($0, place) }
    case .text(let segments, _, let place):
      for case .expression(let expression) in segments { expression.visitPaths { visit($0, place) } }
    case .list(let values, _): for value in values { value.visitPaths(visit) }
    case .map(let members, _): for member in members { member.value.visitPaths(visit) }
    }
  }
}

extension Expression {
  func visitPaths(_ visit: (Path) -> Void) {
    path.visitPaths(visit)
    for case .path(let path) in comparison?.terms ?? [] { path.visitPaths(visit) }
  }
}

extension Path {
  func visitPaths(_ visit: (Path) -> Void) {
    visit(self)
    for choice in choices.values { choice.visitPaths(visit) }
    for selector in selectors {
      for case .path(let path) in selector.terms { path.visitPaths(visit) }
    }
  }
}
