// Owns saying where the bytes of an artifact are that aren't here, and what it would take to make them again.

import ContentStore
import Reporting
import Workflow

/// Why an artifact of an instance that is up to date can't be had without running something.
struct Absence {
  private let instance: String
  private let remote: String?
  /// The instances that would run for it, producers first.
  private let runs: [String]

  init(of index: Int, in opened: OpenPipeline, _ plan: Plan) {
    let graph = opened.graph
    instance = graph.instances[index].name
    remote = opened.remote.map { "\($0)" }
    let artifacts = Dictionary(uniqueKeysWithValues: plan.entries.map { ($0.instance, $0.artifacts ?? [:]) })
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
    visit(index)
    runs = order.map { graph.instances[$0].name }
  }

  /// - Parameters:
  ///   - file: the pipeline file as the user wrote it.
  ///   - selector: what the user asked for.
  func text(_ file: String, _ selector: String) -> String {
    let place =
      remote.map { "Nor does the remote \($0) have them." }
      ?? "If somebody shared them, say where: --remote, or `remote:` in \(file)."
    let named = runs.prefix(4).joined(separator: ", ")
    let rest = runs.count > 4 ? " and \(runs.count - 4) more" : ""
    return """
      \(instance) is up to date, but its bytes aren't in this store. \(place)
      To make them again, \(counted(runs.count, "instance")) would run: \(named)\(rest).
      `bobbin get \(file) '\(selector)' --rebuild` does that.
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
