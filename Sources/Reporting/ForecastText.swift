// Owns what `run --dry-run` says of the time and room that a run will take, and what it goes by.

import Workflow

/// A forecast as lines.
public struct ForecastText: Sendable {
  public let lines: [String]

  public init(_ forecast: Forecast, graph: Graph) {
    let selections = Selections(graph)
    func names(_ instances: [Int]) -> String {
      selections.names(instances).map { legible($0) }.joined(separator: ", ")
    }
    let known = forecast.stages.filter { $0.cost != nil }
    let unknown = forecast.stages.filter { $0.cost == nil }
    var lines: [String] = []
    if !known.isEmpty {
      let spread = forecast.bounds.upperBound > 1.1 * forecast.bounds.lowerBound
      lines.append(
        "forecast     about \(humanSeconds(forecast.seconds)) with \(counted(forecast.jobs, "job"))"
          + (spread
            ? " (\(humanSeconds(forecast.bounds.lowerBound)) to \(humanSeconds(forecast.bounds.upperBound)))"
            : "")
          + ", \(humanBytes(forecast.bytes)) to be written")
    }
    if forecast.criticalPath.count > 1 {
      let total = forecast.criticalPath.reduce(0) { $0 + $1.seconds }
      let links = forecast.criticalPath.map {
        "\(legible(graph.instances[$0.instance].name)) \(humanSeconds($0.seconds))"
      }
      let shown =
        links.count <= ForecastText.mostLinks
        ? links
        : links.prefix(ForecastText.mostLinks / 2) + ["… \(links.count - ForecastText.mostLinks) more …"]
          + links.suffix(ForecastText.mostLinks / 2)
      lines.append("  longest chain, \(humanSeconds(total)): " + shown.joined(separator: " → "))
    }
    for stage in known { lines.append("  \(names(stage.instances)): " + ForecastText.worth(stage)) }
    if !unknown.isEmpty {
      let count = counted(forecast.unknown, "instance")
      let verb = forecast.unknown == 1 ? "isn't" : "aren't"
      lines.append(
        (known.isEmpty ? "forecast     unknown" : "  unknown") + ": no earlier run of "
          + names(unknown.flatMap(\.instances)) + (known.isEmpty ? "" : "; \(count) \(verb) counted"))
    }
    if forecast.pending > 0, !known.isEmpty {
      let (wait, run) = forecast.pending == 1 ? ("waits", "it runs") : ("wait", "they run")
      lines.append("  \(forecast.pending) of them \(wait) for others: \(run) only if those give other bytes")
    }
    self.lines = lines
  }

  /// What of a stage is expected, and what that rests on.
  private static func worth(_ stage: Forecast.Stage) -> String {
    let cost = stage.cost!
    let each = stage.instances.count == 1 ? "" : " each"
    let runs = cost.seconds.count
    let range =
      runs == 1 ? "" : " (\(humanSeconds(cost.seconds[0])) to \(humanSeconds(cost.seconds.last!)))"
    let whose = cost.basis == .stage ? "the stage" : "others of kind \(stage.kind)"
    return
      "\(humanSeconds(cost.medianSeconds))\(each)\(range), by \(counted(runs, "earlier run")) of \(whose)"
  }

  private static let mostLinks = 8
}
