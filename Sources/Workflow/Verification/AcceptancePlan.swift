// Owns what of a stage could be taken over from other code: the instances whose action differs from that of their newest
// result in the code alone. Whether it may be is for bits to say.

import Canonical
import ContentStore

/// Which instances differ from their newest results in code alone.
public struct AcceptancePlan {
  /// One that does.
  struct Candidate {
    var instance: Int
    var action: Action
    var code: CodeManifest
    var earlier: Record
    /// What of the code changed.
    var changes: [String]

    /// Which change it is: from which code to which.
    var change: String { "\(earlier.action["code"]?.canonical ?? "") \(code.digest)" }
  }

  let candidates: [Candidate]
  /// Indices of those that are up to date.
  public let upToDate: [Int]
  /// Why others can't be accepted, by their indices, in the order of the file.
  public let refused: [(instance: Int, why: String)]
  /// Indices of those that can be.
  public var instances: [Int] { candidates.map(\.instance) }

  /// Looks the instances up.
  /// - Throws: as `Plan`.
  public init(
    _ graph: Graph, instances: [Int], store: Store, environment: [String: String],
    platform: Platform = Platform()
  ) throws {
    let scope = Scope(graph, targets: instances)
    let keys = try KeySource(
      graph, scope: scope, store: store, environment: environment, platform: platform)
    let resolution = Resolution(graph, keys: keys, scope: scope, store: store)
    let explainer = Explainer(graph, keys: keys, known: resolution, store: store)
    let lastKeys = try store.lastKeys(project: graph.project, file: graph.file)
    while case let answers = try resolution.advance(), !answers.isEmpty {
      for case (let i, .unread(let manifest)) in answers {
        guard let entries = try? store.entries(of: manifest) else { continue }
        resolution.learn(manifest, entries)
        resolution.recheck(i)
      }
    }
    var candidates: [Candidate] = []
    var upToDate: [Int] = []
    var refused: [(Int, String)] = []
    for i in Set(instances).sorted() {
      let instance = graph.instances[i]
      if resolution.artifacts[i] != nil {
        upToDate.append(i)
        continue
      }
      guard resolution.key[i] != nil else {
        let cause = graph.dependencies[i].first { resolution.artifacts[$0] == nil }
        let name = cause.map { graph.instances[$0].name } ?? "what it reads"
        refused.append((i, "it reads \(name), which isn't up to date: run or accept that first"))
        continue
      }
      let action = keys.action(i, resolution)
      guard let earlier = try lastKeys[instance.name].flatMap({ try store.record(for: $0) }) else {
        refused.append((i, "there is no earlier result of it to take over"))
        continue
      }
      let reason = explainer.reason(i, action)
      guard earlier.key != action.key, AcceptancePlan.differInCodeAlone(earlier.action, action.json) else {
        refused.append((i, "\(reason): only a change of code can be accepted"))
        continue
      }
      if let lacking = instance.outputs.first(where: { earlier.artifacts[$0.name] == nil }) {
        refused.append((i, "its earlier result has no output '\(lacking.name)'"))
        continue
      }
      candidates.append(
        Candidate(
          instance: i, action: action, code: keys.code(i), earlier: earlier,
          changes: reason.changes.map(\.description)))
    }
    self.candidates = candidates
    self.upToDate = upToDate
    self.refused = refused
  }

  private static func differInCodeAlone(_ a: JSON, _ b: JSON) -> Bool {
    func rest(_ action: JSON) -> [String: JSON]? { action.objectValue?.filter { $0.key != "code" } }
    return a["code"] != b["code"] && rest(a) == rest(b)
  }
}
