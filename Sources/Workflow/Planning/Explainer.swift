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

  init(_ graph: Graph, keys: KeySource, store: any ResultStore) {
    self.graph = graph
    self.keys = keys
    self.store = store
  }

  /// Why instance `i`, whose key has no record, has to run. Where the store can't tell of earlier runs, there are none.
  func reason(_ i: Int, _ action: Action) -> Reason {
    let instance = graph.instances[i]
    guard let last = (try? lastKeys.get())?[instance.name] else { return .neverRun }
    // A record that can't be read explains nothing, and matters to nobody else.
    guard last != action.key, let earlier = try? store.record(for: last) else { return .recordGone }
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
    return .changed(difference.changes(from: earlier.action, to: action.json))
  }

  private func manifest(_ digest: Digest) -> CodeManifest? {
    if let known = manifests[digest] { return known }
    // Without its text the explanation is less precise, and that is all.
    let manifest = (try? store.read(digest)).flatMap { CodeManifest(parsing: $0) }
    manifests[digest] = manifest
    return manifest
  }
}
