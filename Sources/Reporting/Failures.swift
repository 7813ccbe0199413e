// Owns telling of many failures without a flood: the first few as they happen, all of them in the end, by cause.

import Workflow

/// The failures of a run by cause: what they say first, and which instances say it.
struct Failures {
  /// So many are told as they happen.
  static let mostAtOnce = 5

  private let report: RunReport
  private let graph: Graph

  init(_ report: RunReport, _ graph: Graph) {
    self.report = report
    self.graph = graph
  }

  /// One entry for each cause, with a name to be given to `bobbin log`; nothing where all were told when they happened.
  var lines: [String] {
    guard report.failed > Failures.mostAtOnce else { return [] }
    let failed = report.instances.filter { $0.state == .failed }
    var order: [String] = []
    var causes: [String: [Int]] = [:]
    for instance in failed {
      let message = instance.message ?? "no reason was given"
      let cause = message.split(separator: "\n").first.map(String.init) ?? message
      if causes[cause] == nil { order.append(cause) }
      causes[cause, default: []].append(instance.instance)
    }
    let selections = Selections(graph)
    var lines = ["\(failed.count) instances failed:"]
    for cause in order.prefix(Failures.mostCauses) {
      let names = selections.names(causes[cause]!).joined(separator: ", ")
      lines.append(legible("  \(names): \(cause)"))
      lines.append(legible("    bobbin log \(graph.file) '\(graph.instances[causes[cause]![0]].name)'"))
    }
    if order.count > Failures.mostCauses {
      lines.append(
        "  and \(counted(order.count - Failures.mostCauses, "other cause")): bobbin status \(graph.file)")
    }
    return lines
  }

  private static let mostCauses = 20
}
