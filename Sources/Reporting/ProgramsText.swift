// Owns what `bobbin status --verbose` says of the programs that commands start.

import Workflow

/// Which programs of each command stage count for its key, what doesn't count, and what to declare.
public struct ProgramsText: Sendable {
  public let text: String

  public init(_ plan: Plan) {
    var lines: [String] = []
    for (stage, facts) in plan.programs {
      lines.append("\(stage): in the key by content: \(facts.recognised.joined(separator: ", "))")
      lines += facts.unrecognised.map { "  not in the key: \($0)" }
    }
    text = lines.map { legible($0) + "\n" }.joined()
  }
}
