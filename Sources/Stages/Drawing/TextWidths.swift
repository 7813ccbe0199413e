// Owns about how much room a text takes in a figure, and how it is broken into lines.

/// About as wide as Helvetica sets it.
func textWidth(_ text: String, size: Double = 12) -> Double { 0.6 * size * Double(text.count) }

/// Lines no wider than `limit`, broken between words, inside of one only where it doesn't fit by itself.
func wrappedText(_ text: String, _ limit: Double, size: Double = 12) -> [String] {
  let most = max(4, Int(limit / textWidth("x", size: size)))
  var lines: [String] = []
  for word in text.split(whereSeparator: \.isWhitespace) {
    if let last = lines.last, last.count + 1 + word.count <= most {
      lines[lines.count - 1] = last + " " + word
    } else {
      var rest = word
      while rest.count > most {
        lines.append(String(rest.prefix(most)))
        rest = rest.dropFirst(most)
      }
      lines.append(String(rest))
    }
  }
  return lines
}
