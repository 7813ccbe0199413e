// Owns the search for the nearest earlier record of an instance, against which its present action is explained.

import Canonical
import ContentStore
import Foundation

/// Says why instances have to run.
final class Explainer {
  private let graph: Graph
  private let keys: KeySource
  private let store: any ResultStore
  /// The key that each instance had when it was last up to date; read when first needed, before this run adds to it.
  private lazy var lastKeys = Result { try store.lastKeys(project: graph.project, file: graph.file) }
  private var manifests: [Digest: CodeManifest?] = [:]
  private lazy var former = FormerInstances(graph, lastKeys: (try? lastKeys.get()) ?? [:], store: store)

  init(_ graph: Graph, keys: KeySource, store: any ResultStore) {
    self.graph = graph
    self.keys = keys
    self.store = store
  }

  /// Why instance `i`, whose key has no record, has to run. Where the store can't tell of earlier runs, there are none.
  func reason(_ i: Int, _ action: Action) -> Reason {
    guard let last = (try? lastKeys.get())?[graph.instances[i].name] else {
      return former.nearest(to: i, changes: { changes(i, from: $0, to: action) })
        .map { .renamed(from: $0.name, $0.changes) } ?? .neverRun
    }
    // A record that can't be read explains nothing, and matters to nobody else.
    guard last != action.key, let earlier = try? store.record(for: last) else { return .recordGone }
    return .changed(changes(i, from: earlier, to: action))
  }

  /// The name under which instance `i`, which is up to date under `key`, was known before; nil where it has none but
  /// its own.
  func formerName(_ i: Int, _ key: Digest) -> String? {
    guard let known = try? lastKeys.get(), known[graph.instances[i].name] == nil else { return nil }
    return former.name(of: key)
  }

  private func changes(_ i: Int, from earlier: Record, to action: Action) -> [Change] {
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
    let code = keys.code(i)
    let lists = Dictionary(action.lists.map { (Digest.of($0.utf8), $0) }) { first, _ in first }
    let difference = Difference(
      origins: origins, code: { $0 == code.digest ? code : self.manifest($0) },
      list: { digest in
        let text = lists[digest].map { Array($0.utf8) } ?? (try? self.store.read(digest))
        return text.flatMap { try? JSON(parsing: $0) }
      })
    return difference.changes(from: earlier.action, to: action.json)
  }

  private func manifest(_ digest: Digest) -> CodeManifest? {
    if let known = manifests[digest] { return known }
    // Without its text the explanation is less precise, and that is all.
    let manifest = (try? store.read(digest)).flatMap { CodeManifest(parsing: $0) }
    manifests[digest] = manifest
    return manifest
  }
}
