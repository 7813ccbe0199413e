// Owns what earlier runs say of how long instances take, so that a display can tell how much time is left.

import ContentStore
import Workflow

/// Seconds that instances took, by stage.
public struct Durations: Sendable {
  private var seconds: [String: Double]

  public init(_ seconds: [String: Double] = [:]) { self.seconds = seconds }

  /// The median of a few records of each stage, or of others of its kind.
  public init(_ graph: Graph, store: Store) {
    let costs = EarlierCosts(graph, store: store)
    seconds = Dictionary(
      graph.instances.lazy.compactMap { instance in
        costs[instance.stage].map { (instance.stage, $0.medianSeconds) }
      }
    ) { first, _ in first }
  }

  subscript(stage: String) -> Double? { seconds[stage] }

  static func median(_ values: [Double]) -> Double { values.sorted()[values.count / 2] }
}

/// Roughly how long, for people: `20 s`, `3 min`, `2 h`.
func roughly(_ seconds: Double) -> String {
  switch seconds {
  case ..<55: "\(max(1, Int((seconds / 5).rounded(.up))) * 5) s"
  case ..<5400: "\(max(1, Int((seconds / 60).rounded()))) min"
  default: "\(Int((seconds / 3600).rounded())) h"
  }
}
