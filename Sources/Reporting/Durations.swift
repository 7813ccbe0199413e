// Owns what earlier runs say of how long instances take, so that a display can tell how much time is left.

import Canonical
import ContentStore
import Workflow

/// Seconds that instances took, by stage.
public struct Durations: Sendable {
  private var seconds: [String: Double]

  public init(_ seconds: [String: Double] = [:]) { self.seconds = seconds }

  /// The median of a few records of each stage; of a stage without any, that of others of its kind in this file. What
  /// the store can't tell isn't known.
  public init(_ graph: Graph, store: Store) {
    let keys = (try? store.lastKeys(project: graph.project, file: graph.file)) ?? [:]
    var known: [String: [Double]] = [:]
    var ofKind: [String: [Double]] = [:]
    let stages = Dictionary(grouping: graph.instances, by: \.stage)
    for (stage, instances) in stages {
      // Spread over the stage, so that one end of an axis doesn't stand for all.
      let recorded = instances.compactMap { keys[$0.name] }
      let step = max(1, recorded.count / Durations.most)
      for n in stride(from: 0, to: recorded.count, by: step).prefix(Durations.most) {
        guard let seconds = (try? store.record(for: recorded[n]))?.facts["seconds"]?.doubleValue else {
          continue
        }
        known[stage, default: []].append(seconds)
        ofKind[instances[0].kind.name, default: []].append(seconds)
      }
    }
    seconds = stages.compactMapValues { instances in
      (known[instances[0].stage] ?? ofKind[instances[0].kind.name]).map(Durations.median)
    }
  }

  subscript(stage: String) -> Double? { seconds[stage] }

  /// No more records of a stage are read.
  private static let most = 9

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
