// Owns what people read of a verification: what differs, where, by how much, and whether another platform explains it;
// what could not be verified; and the line that counts.

import Foundation
import Workflow

/// What a verification came to. The last line counts.
public struct VerificationText: Sendable {
  public let text: String

  /// - Parameter isOfOtherCode: whether the record is of other code than what was computed now.
  public init(_ report: VerificationReport, graph: Graph, seed: Int, isOfOtherCode: Bool = false) {
    var lines = report.verdicts.flatMap { VerificationText.lines($0, isOfOtherCode) }
    if !report.absent.isEmpty {
      let names = Selections(graph).names(report.absent).joined(separator: ", ")
      lines.append(legible("not in the cache, so not verified: \(names)"))
    }
    if report.verdicts.count < report.candidates {
      lines.append(
        "a sample of \(report.verdicts.count) of \(report.candidates) in the cache (--seed \(seed)); "
          + "--all takes everything")
    }
    lines.append(report.summary)
    text = lines.joined(separator: "\n") + "\n"
  }

  /// What is to be said of one instance; nothing where its bits are equal.
  private static func lines(_ verdict: Verdict, _ isOfOtherCode: Bool) -> [String] {
    switch verdict.finding {
    case .equal: return []
    case .failed(let failure): return separate("failed       \(verdict.name): \(failure.message)")
    case .notVerified(let why): return separate("not verified \(verdict.name): \(why)")
    case .different(let difference, let platform):
      var lines = separate("different    \(verdict.name): \(difference.description)")
      let same =
        "it was computed with the same instruction set and libraries"
        + (isOfOtherCode ? "" : ", so the stage isn't reproducible")
      let why =
        platform.map { "it was computed on another platform (\($0)), from which other bits are expected" }
        ?? same
      lines.append(indent + legible(why))
      return lines
    }
  }

  private static let indent = String(repeating: " ", count: 13)

  private static func separate(_ text: String) -> [String] {
    text.split(separator: "\n", omittingEmptySubsequences: false).enumerated()
      .map { ($0 == 0 ? "" : indent) + legible(String($1)) }
  }
}

extension VerificationReport {
  /// `verified V, different D, not in the cache M in T`
  public var summary: String {
    "verified \(verified), different \(different), " + (failed > 0 ? "failed \(failed), " : "")
      + "not in the cache \(notInCache) in \(humanSeconds(seconds))"
  }
}

extension ArtifactDifference {
  /// `model: tensor 'conv1.weight' [0, 3]: 0.1 → 0.25; largest difference 0.15, in 3 of 432 numbers`
  public var description: String {
    guard let content else {
      return "\(artifact): the digests differ; the recorded bytes aren't in the cache, so where isn't known"
    }
    var text = "\(artifact): \(content.place): \(content.recorded) → \(content.now)"
    let facts = [content.largest.map { "largest difference \(spelled($0))" }, content.extent]
    let known = facts.compactMap { $0 }
    if !known.isEmpty { text += "; " + known.joined(separator: ", in ") }
    return text
  }

  /// Three digits say how much it is.
  private func spelled(_ value: Double) -> String { String(format: "%.3g", value) }
}
