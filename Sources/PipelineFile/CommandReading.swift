// Owns what of a command's text is the same at every point of its stage's matrix: how a shell reads what stands between
// its expressions, and which programs it starts. Thousands of instances differ only in the words that are put there.

import Workflow

/// The text of a command, read once with some word in the place of each expression.
struct CommandReading {
  let segments: [Segment]
  /// Whether a shell reads it; otherwise there are no expressions in it.
  let isShells: Bool
  /// For each segment how far the reading is before it; nil where what stands before decides that, so that each text has
  /// to be read by itself.
  let before: [ShellReading]?
  /// The text with holes, where the words that are put there don't decide which programs it starts; nil where they do.
  let textWithHoles: String?

  /// Stands for a word that isn't known: a character of private use, which a shell takes in quotes. Where a text has it
  /// itself, its word counts as one that isn't known.
  private static let hole = "\u{F8F0}"

  init(_ segments: [Segment], isShells: Bool) {
    self.segments = segments
    self.isShells = isShells
    guard isShells, let (before, text) = try? CommandReading.read(segments) else {
      before = nil
      textWithHoles = isShells ? nil : ""
      return
    }
    self.before = before
    let words = before == nil ? nil : ProgramWords(text, hole: CommandReading.hole)
    textWithHoles = words?.dependsOnHoles == false ? text : nil
  }

  /// Throws `ShellReading.Refusal` where no word can stand at some place.
  private static func read(_ segments: [Segment]) throws -> (before: [ShellReading]?, text: String) {
    var reading = ShellReading()
    var before: [ShellReading] = []
    var text = CommandText()
    for (i, segment) in segments.enumerated() {
      before.append(reading)
      switch segment {
      case .literal(let part):
        try reading.read(part)
        text.append(.literal(part))
      case .expression(let expression):
        guard reading.isTheSameForAllWords else { return (nil, "") }
        let put = try reading.put([hole], before: segments.literal(after: i))
        switch expression.path.root {
        case "out": text.append(.output(expression.path.members[0]))
        case "in": text.append(.input(expression.path.members[0]))
        default: text.append(.literal(put))
        }
      }
    }
    try reading.finish()
    return (before, text.text)
  }
}

extension [Segment] {
  /// The text that follows a segment; nil where an expression does.
  func literal(after i: Int) -> Substring? {
    guard i + 1 < count else { return "" }
    if case .literal(let part) = self[i + 1] { return part[...] }
    return nil
  }
}
