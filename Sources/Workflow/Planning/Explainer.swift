// Owns the search for the nearest earlier record of an instance, against which its present action is explained.

import Canonical
import ContentStore
import Foundation

/// Says why instances have to run.
final class Explainer {
  private let graph: Graph
  private let keys: KeySource
  private let known: Resolution
  private let store: any ResultStore
  /// What runs left behind; read when first needed, before this run adds to it. Where the store can't tell of earlier
  /// runs, there are none.
  private lazy var ancestry = Ancestry(
    graph, known, lastKeys: (try? store.lastKeys(project: graph.project, file: graph.file)) ?? [:],
    store: store)
  private var manifests: [Digest: CodeManifest?] = [:]
  private lazy var former = FormerInstances(graph, lastKeys: ancestry.lastKeys, store: store)
  private lazy var stages = Dictionary(grouping: graph.instances.indices) { graph.instances[$0].stage }

  /// Stands for content that isn't known yet.
  private static let unknown = Artifact(.blob, .of("content that isn't known yet".utf8), size: 0)
  /// Among no more siblings is the nearest looked for.
  private static let mostSiblings = 1000

  init(_ graph: Graph, keys: KeySource, known: Resolution, store: any ResultStore) {
    self.graph = graph
    self.keys = keys
    self.known = known
    self.store = store
  }

  /// Why instance `i`, whose key has no record, has to run.
  func reason(_ i: Int, _ action: Action) -> Reason {
    let name = graph.instances[i].name
    guard let last = ancestry.lastKeys[name] else {
      return renamed(i, action).map { .renamed(from: $0.name, changes(i, from: $0.record, to: action)) }
        ?? .neverRun
    }
    // A record that can't be read explains nothing, and matters to nobody else.
    guard last != action.key, let earlier = record(last) ?? earlier(i, besides: action.key) else {
      return .recordGone
    }
    return .changed(changes(i, from: earlier, to: action))
  }

  /// The name under which instance `i`, which is up to date under `key`, was known before; nil where it has none but
  /// its own.
  func formerName(_ i: Int, _ key: Digest) -> String? {
    ancestry.lastKeys[graph.instances[i].name] == nil ? former.name(of: key) : nil
  }

  /// All that is to be said of instance `i`, which is in this state.
  func explanation(_ i: Int, _ state: Plan.State, waits: [Plan.Wait]) -> Explanation {
    let isKnown = known.key[i] != nil
    let action = isKnown ? keys.action(i, known) : keys.action(i, known, unknown: Explainer.unknown)
    let name = graph.instances[i].name
    var made: Record?
    var nearest: (name: String, record: Record)?
    switch state {
    case .upToDate:
      made = known.key[i].flatMap { record($0) }
      nearest = earlier(i, besides: action.key).map { (name, $0) }
    // Its action is what it was.
    case .stale(.recordGone), .stale(.outputUndeclared): break
    default:
      nearest =
        (ancestry.lastKeys[name].flatMap { record($0) } ?? earlier(i, besides: action.key)).map { (name, $0) }
        ?? renamed(i, action) ?? sibling(i)
    }
    let components = difference(i, action, unknown: isKnown ? nil : Explainer.unknown.digest)
      .components(from: nearest?.record.action, to: action.json)
    return Explanation(
      instance: i, name: name, state: state, key: known.key[i],
      earlier: nearest.map { name, record in
        Explanation.Earlier(name: name, key: record.key, time: record.facts["time"]?.stringValue)
      }, components: components, made: made?.facts, accepted: made?.accepted ?? [], waits: waits)
  }

  // What is earlier.

  private func record(_ key: Digest) -> Record? { try? store.record(for: key) }

  /// The newest record of instance `i` but this one.
  private func earlier(_ i: Int, besides key: Digest) -> Record? {
    ancestry.pastKeys(graph.instances[i].name).lazy.filter { $0 != key }.compactMap { self.record($0) }.first
  }

  /// What instance `i`, which has never run under its name, was before.
  private func renamed(_ i: Int, _ action: Action) -> (name: String, record: Record)? {
    let json = action.json
    // How much differs is seen without the causes.
    let plain = ActionDifference(origins: [:], code: { self.manifest($0) })
    return former.nearest(to: i) { plain.changes(from: $0.action, to: json).count }
  }

  /// The record of the instance of the same stage that has the most labels in common with instance `i`.
  private func sibling(_ i: Int) -> (name: String, record: Record)? {
    let labels = graph.instances[i].labels
    func distance(_ j: Int) -> Int {
      let others = graph.instances[j].labels
      return zip(labels, others).count { $0 != $1 } + abs(labels.count - others.count)
    }
    let siblings = stages[graph.instances[i].stage]!.lazy
      .filter { $0 != i && self.ancestry.lastKeys[self.graph.instances[$0].name] != nil }
      .prefix(Explainer.mostSiblings)
    guard let nearest = siblings.min(by: { distance($0) < distance($1) }) else { return nil }
    let name = graph.instances[nearest].name
    return record(ancestry.lastKeys[name]!).map { (name, $0) }
  }

  // What differs.

  private func changes(_ i: Int, from earlier: Record, to action: Action) -> [Change] {
    difference(i, action).changes(from: earlier.action, to: action.json)
  }

  private func difference(_ i: Int, _ action: Action, unknown: Digest? = nil) -> ActionDifference {
    let instance = graph.instances[i]
    var origins: [String: [String]] = [:]
    for binding in instance.inputs {
      origins[binding.name] = binding.sources.map { source in
        let origin = graph.instances[source.instance]
        let type = origin.outputs.first { $0.name == source.output }?.type.name ?? "file"
        return "\(type) '\(origin.name)'"
      }
    }
    for binding in instance.externals {
      origins[binding.name] = [shortened(binding.url.path, root: graph.project)]
    }
    let ownCode = keys.codeDigest(i)
    let lists = Dictionary(action.lists.map { (Digest.of($0.utf8), $0) }) { first, _ in first }
    let bindings = Dictionary(instance.inputs.map { ($0.name, $0) }) { first, _ in first }
    return ActionDifference(
      origins: origins, code: { [keys] in $0 == ownCode ? keys.code(i) : self.manifest($0) },
      list: { digest in
        let text = lists[digest].map { Array($0.utf8) } ?? (try? self.store.read(digest))
        return text.flatMap { try? JSON(parsing: $0) }
      },
      trace: { input, n, before in
        bindings[input].flatMap { binding in
          self.ancestry.trace(binding, n, of: instance, before: before) { source, earlier in
            self.changes(source, from: earlier, to: self.keys.action(source, self.known))
          }
        }
      },
      holder: { input, content in
        bindings[input].flatMap { self.ancestry.holder(of: content, part: instance.part(of: $0)) }
      }, unknown: unknown)
  }

  private func manifest(_ digest: Digest) -> CodeManifest? {
    if let known = manifests[digest] { return known }
    // Without its text the explanation is less precise, and that is all.
    let manifest = (try? store.read(digest)).flatMap { CodeManifest(parsing: $0) }
    manifests[digest] = manifest
    return manifest
  }
}
