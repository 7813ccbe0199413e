// Owns what people read of accepting results for other code: what was done on what evidence, or why nothing was.

import Canonical
import ContentStore
import Workflow

/// What accepting a stage came to.
public enum AcceptanceText {
  /// Why nothing of a stage can be accepted; nil where something can.
  public static func refusal(_ plan: AcceptancePlan, stage: String, graph: Graph) -> String? {
    guard plan.instances.isEmpty else { return nil }
    if plan.refused.isEmpty {
      let all = counted(plan.upToDate.count, "instance")
      return "there is nothing to accept: \(all) of '\(stage)', and up to date"
    }
    return (["nothing of '\(stage)' can be accepted:"] + others(plan, graph)).joined(separator: "\n")
  }

  /// What was accepted and what not.
  public static func text(_ report: AcceptanceReport, _ plan: AcceptancePlan, graph: Graph, seed: Int)
    -> String
  {
    let verified = report.verification
    guard verified.exitStatus == 0 else {
      let drawn = verified.verdicts.count
      let what =
        verified.different > 0
        ? "\(verified.different) of \(drawn) gave other bytes with the new code, so the change isn't harmless"
        : "\(drawn - verified.verified) of \(drawn) could not be compared"
      return VerificationText(verified, graph: graph, seed: seed, isOfOtherCode: true).text
        + "nothing was accepted: \(what)\n"
    }
    let selections = Selections(graph)
    var lines = report.accepted.isEmpty ? [] : selections.names(report.accepted).map { "accepted     \($0)" }
    lines += others(plan, graph).map { "not accepted " + $0.drop { $0 == " " } }
    lines.append(
      "accepted \(report.accepted.count), verified \(verified.verified) of them with the new code, not accepted "
        + "\(plan.refused.count + plan.instances.count - report.accepted.count) in "
        + humanSeconds(verified.seconds))
    return lines.map { legible($0) }.joined(separator: "\n") + "\n"
  }

  /// Those that can't be accepted, one line a cause.
  private static func others(_ plan: AcceptancePlan, _ graph: Graph) -> [String] {
    var causes: [String] = []
    var members: [String: [Int]] = [:]
    for (instance, why) in plan.refused {
      if members[why] == nil { causes.append(why) }
      members[why, default: []].append(instance)
    }
    let selections = Selections(graph)
    return causes.map { "  \(selections.names(members[$0]!).joined(separator: ", ")): \($0)" }
  }
}

extension AcceptanceReport {
  /// One object: what `verify --json` prints of the sample, and what was accepted and what not.
  public func json(_ plan: AcceptancePlan, graph: Graph) -> JSON {
    func names(_ instances: [Int]) -> JSON { .array(instances.map { .string(graph.instances[$0].name) }) }
    return [
      "accepted": names(accepted), "sample": verification.json,
      "refused": .array(
        plan.refused.map { ["name": .string(graph.instances[$0.instance].name), "why": .string($0.why)] }),
      "problems": .array(problems.map(JSON.string)),
    ]
  }
}
