// Owns the way back from content to its makers: which earlier result of an instance it was, and through which chain of
// instances it became another.

import Canonical
import ContentStore

/// What the store remembers of the results of a graph's instances.
final class Ancestry {
  private let graph: Graph
  private let known: Resolution
  private let store: any ResultStore
  /// The key that each instance had when it was last up to date, before this run.
  let lastKeys: [String: Digest]
  private var pasts: [Int: [(key: Digest, outputs: [String: Artifact])]] = [:]
  private var roots: [Place: [Root]] = [:]
  private var holders: [String: [Digest: String]] = [:]

  private struct Place: Hashable {
    var instance: Int
    var key: Digest
  }

  /// Of no more results is it asked what they hold.
  private static let most = 20_000
  /// No chain is followed further.
  private static let deepest = 200

  init(_ graph: Graph, _ known: Resolution, lastKeys: [String: Digest], store: any ResultStore) {
    self.graph = graph
    self.known = known
    self.lastKeys = lastKeys
    self.store = store
  }

  /// The keys of an instance's results, newest first; nothing where the store can't tell.
  func pastKeys(_ name: String) -> [Digest] {
    (try? store.pastKeys(of: name, project: graph.project, file: graph.file)) ?? []
  }

  /// Which of these contents member `n` of an input was before, and why it is another.
  /// - Parameter difference: what differs between an instance's present action and that of an earlier record.
  func trace(
    _ binding: InputBinding, _ n: Int, of instance: Instance, before: [Digest],
    difference: (Int, Record) -> [Change]
  ) -> ActionDifference.Trace? {
    let source = binding.sources[n]
    let part = instance.part(of: binding)
    for (key, outputs) in past(of: source.instance) {
      guard let output = outputs[source.output], let content = content(output, part),
        let found = before.firstIndex(of: content)
      else { continue }
      return ActionDifference.Trace(before: found, roots: roots(of: source.instance, since: key, difference))
    }
    return nil
  }

  /// The instance that has this content or had it when it was last up to date.
  func holder(of content: Digest, part: String?) -> String? {
    let cached = holders[part ?? ""] ?? allHolders(part)
    holders[part ?? ""] = cached
    return cached[content]
  }

  /// Why instance `i` has other results than it had under this key.
  private func roots(
    of i: Int, since key: Digest, _ difference: (Int, Record) -> [Change]
  ) -> [Root] {
    let place = Place(instance: i, key: key)
    if let found = roots[place] { return found }
    // What comes back to itself, or goes on for ever, explains nothing.
    roots[place] = []
    let name = graph.instances[i].name
    var found: [Root] = []
    if let record = try? store.record(for: key) {
      var own: [Change] = []
      for change in difference(i, record) {
        if change.roots.isEmpty { own.append(change) }
        for root in change.roots where root.path.count < Ancestry.deepest {
          found.append(Root(path: [name] + root.path, changes: root.changes))
        }
      }
      if !own.isEmpty { found.insert(Root(path: [name], changes: own), at: 0) }
    }
    roots[place] = Root.merged(found)
    return roots[place]!
  }

  /// The results of instance `i`, under whatever name they were made, newest first.
  private func past(of i: Int) -> [(key: Digest, outputs: [String: Artifact])] {
    if let found = pasts[i] { return found }
    let keys = pastKeys(graph.instances[i].name)
    let outputs = (try? store.outputs(for: keys)) ?? [:]
    let found = keys.compactMap { key in outputs[key].map { (key, $0.artifacts) } }
    pasts[i] = found
    return found
  }

  /// What an input reads of an artifact: all of it, or a part.
  private func content(_ artifact: Artifact, _ part: String?) -> Digest? {
    guard let part else { return artifact.digest }
    return (try? store.members(of: [artifact.digest]))?[artifact.digest]?[part]?.digest
  }

  private func allHolders(_ part: String?) -> [Digest: String] {
    var holding: [(name: String, artifact: Artifact)] = []
    for i in graph.order.prefix(Ancestry.most) {
      let outputs = known.artifacts[i] ?? [:]
      holding += outputs.values.map { (graph.instances[i].name, $0) }
    }
    let last = lastKeys.sorted { $0.key < $1.key }.prefix(Ancestry.most)
    let outputs = (try? store.outputs(for: last.map(\.value))) ?? [:]
    for (name, key) in last {
      let outputs = outputs[key]?.artifacts ?? [:]
      holding += outputs.values.map { (name, $0) }
    }
    guard let part else {
      return Dictionary(holding.map { ($0.artifact.digest, $0.name) }) { first, _ in first }
    }
    let manifests = holding.filter { $0.artifact.form == .manifest }
    let members = (try? store.members(of: manifests.map(\.artifact.digest))) ?? [:]
    return Dictionary(
      manifests.compactMap { name, artifact in
        members[artifact.digest]?[part].map { ($0.digest, name) }
      }
    ) { first, _ in first }
  }
}
