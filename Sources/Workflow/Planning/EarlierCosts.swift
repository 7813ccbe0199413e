// Owns what earlier runs say of what instances take: time, and bytes in the store. Nothing is computed from parameters:
// the median of what was is all that is claimed.

import Canonical
import ContentStore

/// What instances of a stage took before.
public struct EarlierCost: Sendable, Hashable {
  public enum Basis: String, Sendable {
    /// The stage itself.
    case stage
    /// Others of its kind, here or in other files that ran with this store.
    case kind
  }

  public let basis: Basis
  /// Ascending; at least one.
  public let seconds: [Double]
  /// The bytes, as stored, of what each wrote itself; as many.
  public let bytes: [Int]

  public init(basis: Basis, samples: [(seconds: Double, bytes: Int)]) {
    precondition(!samples.isEmpty, "BUG: a cost without any sample")
    self.basis = basis
    seconds = samples.map(\.seconds).sorted()
    bytes = samples.map(\.bytes).sorted()
  }

  public var medianSeconds: Double { seconds[seconds.count / 2] }
  public var medianBytes: Int { bytes[bytes.count / 2] }
}

/// What instances took before, by stage.
public struct EarlierCosts: Sendable {
  private let byStage: [String: EarlierCost]

  public init(_ byStage: [String: EarlierCost]) { self.byStage = byStage }

  /// Reads a few records of each of these stages; of those without any, of others of its kind. Two commands have
  /// nothing in common but their kind, so of them only the stage itself counts. What the store can't tell isn't known.
  /// - Parameter stages: nil: all.
  public init(_ graph: Graph, stages: Set<String>? = nil, store: Store) {
    let lastKeys = (try? store.lastKeys(project: graph.project, file: graph.file)) ?? [:]
    var members: [String: [Int]] = [:]
    for (i, instance) in graph.instances.enumerated() where stages?.contains(instance.stage) ?? true {
      members[instance.stage, default: []].append(i)
    }
    func samples(_ keys: [Digest]) -> [(seconds: Double, bytes: Int)] {
      keys.compactMap { key in (try? store.record(for: key)).flatMap { EarlierCosts.sample($0) } }
    }
    var found: [String: EarlierCost] = [:]
    for (stage, instances) in members {
      // Spread over the stage, so that one end of an axis doesn't stand for all.
      let recorded = instances.compactMap { lastKeys[graph.instances[$0].name] }
      let step = max(1, (recorded.count + EarlierCosts.most - 1) / EarlierCosts.most)
      let samples = samples(stride(from: 0, to: recorded.count, by: step).map { recorded[$0] })
      if !samples.isEmpty { found[stage] = EarlierCost(basis: .stage, samples: samples) }
    }
    let unknown = members.filter { found[$0.key] == nil }
      .mapValues { graph.instances[$0[0]].kind }.filter { !$0.value.takesCommands }
    let wanted = Set(unknown.values.map(\.name))
    if !wanted.isEmpty {
      var ofKind: [String: [(seconds: Double, bytes: Int)]] = [:]
      for sample in (try? store.stageSamples(most: EarlierCosts.mostOfOthers)) ?? [] {
        guard let first = try? store.record(for: sample.keys[0]),
          let kind = first.action["kind"]?.stringValue,
          wanted.contains(kind)
        else { continue }
        ofKind[kind, default: []] += samples(sample.keys)
      }
      for (stage, kind) in unknown {
        if let samples = ofKind[kind.name], !samples.isEmpty {
          found[stage] = EarlierCost(basis: .kind, samples: samples)
        }
      }
    }
    byStage = found
  }

  public subscript(stage: String) -> EarlierCost? { byStage[stage] }

  /// What a record says; nil where it doesn't.
  private static func sample(_ record: Record) -> (seconds: Double, bytes: Int)? {
    guard let seconds = record.facts["seconds"]?.doubleValue else { return nil }
    // Its code is shared by all, and hardly ever written.
    let code = record.action["code"]?.stringValue
    return (seconds, record.blobs.filter { $0.digest.hex != code }.reduce(0) { $0 + $1.storedSize })
  }

  /// No more records of a stage are read; nor of each stage that is only of the same kind.
  private static let most = 25
  private static let mostOfOthers = 5
}
