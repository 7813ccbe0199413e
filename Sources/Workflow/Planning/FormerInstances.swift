// Owns what a file's instances were called before: those of earlier runs that it hasn't any more, so that one with
// another name isn't taken for one that never ran.

import Canonical
import ContentStore

/// Instances that have a result in the store's memory, but none in the graph.
final class FormerInstances {
  private let graph: Graph
  private let store: any ResultStore
  private let keys: [(name: String, key: Digest)]
  private let byKey: [Digest: String]
  /// The outlines of names in memory: a new seed of a model that was there already isn't a renamed one.
  private lazy var knownOutlines = Set(lastKeys.keys.lazy.map { FormerInstances.outline($0) })
  private let lastKeys: [String: Digest]
  /// Their records by kind, those of names whose outline the graph still has left out. Read when first needed.
  private lazy var byKind = read()

  /// No more records are read.
  private static let most = 256
  /// What differs by more isn't the same thing under another name, unless its labels are the same.
  private static let mostChanges = 3

  init(_ graph: Graph, lastKeys: [String: Digest], store: any ResultStore) {
    self.graph = graph
    self.store = store
    self.lastKeys = lastKeys
    keys = lastKeys.filter { graph.index(of: $0.key) == nil }.sorted { $0.key < $1.key }
      .map { (name: $0.key, key: $0.value) }
    byKey = Dictionary(keys.map { ($0.key, $0.name) }) { first, _ in first }
  }

  func name(of key: Digest) -> String? { byKey[key] }

  /// The one that instance `i` is likest.
  /// - Parameter difference: by how much it differs from an earlier one.
  func nearest(to i: Int, difference: (Record) -> Int) -> (name: String, record: Record)? {
    let instance = graph.instances[i]
    if keys.isEmpty || knownOutlines.contains(FormerInstances.outline(instance.name)) { return nil }
    var best: (name: String, record: Record, changes: Int, hasItsLabels: Bool)?
    for (name, record) in byKind[instance.kind.name] ?? [] {
      let changes = difference(record)
      let hasItsLabels = FormerInstances.labels(name) == FormerInstances.labels(instance.name)
      guard hasItsLabels || changes <= FormerInstances.mostChanges else { continue }
      if let best, (changes, hasItsLabels ? 0 : 1) >= (best.changes, best.hasItsLabels ? 0 : 1) { continue }
      best = (name, record, changes, hasItsLabels)
    }
    return best.map { ($0.name, $0.record) }
  }

  private func read() -> [String: [(name: String, record: Record)]] {
    let outlines = Set(graph.instances.lazy.map { FormerInstances.outline($0.name) })
    var found: [String: [(name: String, record: Record)]] = [:]
    for (name, key) in keys.filter({ !outlines.contains(FormerInstances.outline($0.name)) })
      .prefix(FormerInstances.most)
    {
      guard let record = try? store.record(for: key), let kind = record.action["kind"]?.stringValue else {
        continue
      }
      found[kind, default: []].append((name, record))
    }
    return found
  }

  /// What a name has behind its stage: `[cut=stem]`.
  private static func labels(_ name: String) -> Substring { name.drop { $0 != "[" } }

  /// A name without the values of its axes: `stitched[front=,cut=]`.
  static func outline(_ name: String) -> String {
    var depth = 0
    var isQuoted = false
    var isValue = false
    var outline = ""
    for character in name {
      switch character {
      case "'": isQuoted.toggle()
      case "[" where !isQuoted: depth += 1
      case "]" where !isQuoted: depth -= 1
      case "," where !isQuoted && depth == 1: isValue = false
      default: break
      }
      if !isValue { outline.append(character) }
      if character == "=", depth == 1, !isQuoted { isValue = true }
    }
    return outline
  }
}
