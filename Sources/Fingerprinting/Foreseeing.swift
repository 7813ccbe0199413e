// Owns which code is only asked before anything runs: what kinds foresee. It doesn't decide what they compute.
//
// Whoever calls such code has a `Foresight` in hand, and the engine alone makes one, for `foresee`. So these don't count:
// an extension of a kind with nothing in it but `func foresee`, and extensions of `Foresight` with functions alone.
// Anything else in them and they count as other code does.

extension SwiftTokens {
  /// The tokens without the code that only foresees.
  var withoutForeseeing: SwiftTokens {
    guard (0..<count).contains(where: { spelling($0) == "import" && spelling($0 + 1) == "Workflow" }) else {
      return self
    }
    var ranges: [Range<Int>] = []
    var i = 0
    while i < count {
      if let end = foreseeingExtension(at: i) {
        ranges.append(i..<end)
        i = end
      } else {
        i = at(i, "{") || at(i, "(") || at(i, "[") ? closing(i) + 1 : i + 1
      }
    }
    return ranges.isEmpty ? self : without(ranges)
  }

  /// Where an extension that begins at `i` ends, if it is of that sort.
  private func foreseeingExtension(at i: Int) -> Int? {
    guard spelling(i) == "extension", isWord(i), isWord(i + 1) else { return nil }
    if at(i + 2, ":"), spelling(i + 3) == "ForeseeingKind", at(i + 4, "{") {
      return functions(in: i + 4) == ["foresee"] ? closing(i + 4) + 1 : nil
    }
    guard spelling(i + 1) == "Foresight", at(i + 2, "{") else { return nil }
    return functions(in: i + 2) == nil ? nil : closing(i + 2) + 1
  }

  /// The names of the functions in the body that opens at `open`; nil where there is anything else in it.
  private func functions(in open: Int) -> [String]? {
    let modifiers: Set<String> = ["public", "private", "fileprivate", "internal", "mutating"]
    var names: [String] = []
    var i = open + 1
    let end = closing(open)
    while i < end {
      if at(i, "@"), spelling(i + 1) == "discardableResult" {
        i += 2
      } else if isWord(i), modifiers.contains(spelling(i)) {
        i += 1
      } else if spelling(i) == "func", isWord(i), isWord(i + 1) {
        names.append(spelling(i + 1))
        // Parameters and result, then the body.
        i += 2
        while i < end, !at(i, "{") { i = at(i, "(") || at(i, "[") ? closing(i) + 1 : i + 1 }
        guard i < end else { return nil }
        i = closing(i) + 1
      } else {
        return nil
      }
    }
    return names
  }
}
