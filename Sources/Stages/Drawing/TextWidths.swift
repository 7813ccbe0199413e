// Owns about how much room a text takes in a figure, and how it is broken into lines.

/// About as wide as Helvetica sets it.
func textWidth(_ text: String, size: Double = 12) -> Double { 0.6 * size * Double(text.count) }

/// Lines no wider than `limit`, broken between words. One that doesn't fit by itself is broken behind its joints, as
/// `relative_accuracy` has one, and elsewhere only where what is between two of them doesn't fit.
func wrappedText(_ text: String, _ limit: Double, size: Double = 12) -> [String] {
  let most = max(4, Int(limit / textWidth("x", size: size)))
  var lines: [String] = []
  for word in text.split(whereSeparator: \.isWhitespace) {
    if let last = lines.last, last.count + 1 + word.count <= most {
      lines[lines.count - 1] = last + " " + word
    } else {
      lines += broken(word, most)
    }
  }
  return lines
}

/// A word in lines of at most so many characters.
private func broken(_ word: Substring, _ most: Int) -> [String] {
  var lines = [""]
  var rest = word
  while !rest.isEmpty {
    let joint = rest.firstIndex { "_-./".contains($0) }
    var part = joint.map { rest[...$0] } ?? rest
    rest = rest[part.endIndex...]
    if lines[lines.count - 1].count + part.count > most, lines != [""] { lines.append("") }
    while part.count > most {
      lines[lines.count - 1] = String(part.prefix(most))
      lines.append("")
      part = part.dropFirst(most)
    }
    lines[lines.count - 1] += part
  }
  return lines
}
