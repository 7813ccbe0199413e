// Owns showing foreign text (names, messages, what commands print) so that a terminal shows it and does nothing else:
// no colours, no cursor, no bell, no line written over, no word turned round.

/// A text on one line, in which everything that a terminal would act on is spelled out: `\n`, `\u{1b}`.
public func legible(_ text: String) -> String { spelled(text, keeping: []) }

/// The same for a text of several lines, whose line breaks and tabs stay.
public func legible(lines text: String) -> String { spelled(text, keeping: ["\n", "\t"]) }

private func spelled(_ text: String, keeping kept: Set<Unicode.Scalar>) -> String {
  func acts(_ scalar: Unicode.Scalar) -> Bool { isControl(scalar) && !kept.contains(scalar) }
  guard text.unicodeScalars.contains(where: acts) else { return text }
  var out = ""
  for scalar in text.unicodeScalars {
    switch scalar {
    case _ where !acts(scalar): out.unicodeScalars.append(scalar)
    case "\n": out += "\\n"
    case "\r": out += "\\r"
    case "\t": out += "\\t"
    default: out += "\\u{\(String(scalar.value, radix: 16))}"
    }
  }
  return out
}

private func isControl(_ scalar: Unicode.Scalar) -> Bool {
  switch scalar.value {
  case 0..<0x20, 0x7F..<0xA0: true
  // Line and paragraph separators, and what sets the direction of text (Unicode Standard Annex 9).
  case 0x061C, 0x200E, 0x200F, 0x2028...0x202E, 0x2066...0x2069: true
  default: false
  }
}
