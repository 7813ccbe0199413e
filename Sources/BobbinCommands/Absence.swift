// Owns saying where the bytes of artifacts are that aren't here, and what it would take to make them again.

import ContentStore
import Reporting
import Workflow

/// Why artifacts of instances that are up to date can't be had without running something.
struct Absence {
  /// The instances, for people.
  private let names: String
  private let isOne: Bool
  private let remote: String?
  /// The instances that would run for it, producers first.
  private let runs: [String]

  init(of instances: [Int], in opened: OpenPipeline, _ plan: Plan) {
    let graph = opened.graph
    remote = opened.remotes.isEmpty ? nil : opened.remotes.map { "\($0)" }.joined(separator: ", ")
    let artifacts = Dictionary(uniqueKeysWithValues: plan.entries.map { ($0.instance, $0.artifacts ?? [:]) })
    let lacking = instances.filter { i in (artifacts[i] ?? [:]).values.contains { !opened.has($0) } }
    let wanted = lacking.isEmpty ? instances : lacking
    names = Selections(graph).names(wanted).joined(separator: ", ")
    isOne = wanted.count == 1
    var order: [Int] = []
    var seen: Set<Int> = []
    func visit(_ i: Int) {
      guard seen.insert(i).inserted else { return }
      for source in graph.instances[i].inputs.flatMap(\.sources) {
        guard let artifact = artifacts[source.instance]?[source.output], !opened.has(artifact) else {
          continue
        }
        visit(source.instance)
      }
      order.append(i)
    }
    for i in wanted { visit(i) }
    runs = order.map { graph.instances[$0].name }
  }

  /// - Parameters:
  ///   - file: the pipeline file as the user wrote it.
  ///   - typed: that and the options.
  ///   - selector: what the user asked for.
  func text(_ file: String, typed: String, _ selector: String) -> String {
    let place =
      remote.map { "Nor does the remote \($0) have them." }
      ?? "If somebody shared them, say where: --remote, or `remote:` in \(file)."
    let named = runs.prefix(4).joined(separator: ", ")
    let rest = runs.count > 4 ? " and \(runs.count - 4) more" : ""
    return """
      \(names) \(isOne ? "is" : "are") up to date, but \(isOne ? "its" : "their") bytes aren't in this store. \(place)
      To make them again, \(counted(runs.count, "instance")) would run: \(named)\(rest).
      `bobbin get \(typed) '\(selector)' --rebuild` does that.
      """
  }
}

extension OpenPipeline {
  /// Whether an artifact's bytes are thought to be at hand, here or on the remote.
  fileprivate func has(_ artifact: Artifact) -> Bool {
    guard let leaves = try? store.leaves(of: artifact) else { return false }
    let digests = leaves.map(\.digest)
    return (try? store.present(digests))?.isSuperset(of: digests) ?? false
  }
}
