// Owns the table of `bobbin status` and `bobbin run --dry-run`.

import Workflow

/// What is up to date and what isn't, and why: one line an instance, in the order of the file, and a last line with
/// the counts.
public struct StatusText: Sendable {
  public let text: String

  /// `onlyStale` leaves out what is up to date.
  public init(_ plan: Plan, graph: Graph, onlyStale: Bool = false) {
    let shown = plan.entries.filter { !onlyStale || $0.state != .upToDate }
    // The widest name up to a limit, so that one monster doesn't push every reason off the screen.
    let names = shown.map { legible($0.name) }
    let width = names.map(\.count).filter { $0 <= 60 }.max() ?? 0
    var lines = zip(shown, names).map { entry, name in
      let (word, why) = StatusText.words(entry.state)
      let start = padded(word, 10) + "  " + (why.isEmpty ? name : padded(name, width))
      return why.isEmpty ? start : start + "  " + legible(why)
    }
    func count(_ word: String) -> Int { plan.entries.count { StatusText.words($0.state).word == word } }
    let words = ["up to date", "stale", "pending", "missing"]
    lines.append(words.map { "\(count($0)) \($0)" }.joined(separator: ", "))
    text = lines.joined(separator: "\n") + "\n"
  }

  private static func words(_ state: Plan.State) -> (word: String, why: String) {
    switch state {
    case .upToDate: ("up to date", "")
    case .stale(let reason): ("stale", reason.description)
    case .pending(let cause): ("pending", "waits for \(cause)")
    case .missing: ("missing", "never run")
    case .impossible(let why): ("impossible", why)
    }
  }
}

/// The text with spaces up to a width in characters.
func padded(_ text: String, _ width: Int) -> String {
  text + String(repeating: " ", count: max(0, width - text.count))
}
