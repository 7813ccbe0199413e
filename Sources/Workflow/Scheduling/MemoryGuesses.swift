// Owns what instances are thought to take of memory that don't say: the peak of earlier runs of their stage, else of others
// of their kind in the file. A guess makes room and sets no limit, and nothing is refused for one.

import Canonical
import ContentStore

/// Peaks of memory by stage, read when they are first asked for.
final class MemoryGuesses {
  private let graph: Graph
  private let store: any ResultStore
  private let most: Int?
  private var peaks: [String: Int] = [:]
  private lazy var known = recorded()

  /// So many records of a stage are read.
  private static let records = 4
  /// Guesses are multiples of this, in bytes, so that few needs differ.
  private static let step = 32 << 20

  /// - Parameter most: what the machine has.
  init(_ graph: Graph, store: any ResultStore, most: Int?) {
    self.graph = graph
    self.store = store
    self.most = most
  }

  /// Bytes that instance `i` may take; nil when nothing is known.
  func guess(_ i: Int) -> Int? {
    let instance = graph.instances[i]
    guard
      let peak = peaks[instance.stage] ?? known.byStage[instance.stage] ?? known.byKind[instance.kind.name]
    else { return nil }
    let guess = (peak + MemoryGuesses.step - 1) / MemoryGuesses.step * MemoryGuesses.step
    return min(guess, most ?? guess)
  }

  /// What instance `i` of this run took.
  func learn(_ i: Int, _ facts: JSON) {
    guard let peak = facts["peakMemory"]?.intValue else { return }
    let stage = graph.instances[i].stage
    peaks[stage] = max(peaks[stage] ?? known.byStage[stage] ?? 0, peak)
  }

  private func recorded() -> (byStage: [String: Int], byKind: [String: Int]) {
    // What can't be read says nothing.
    guard let keys = try? store.lastKeys(project: graph.project, file: graph.file), !keys.isEmpty else {
      return ([:], [:])
    }
    var left: [String: Int] = [:]
    var (byStage, byKind): ([String: Int], [String: Int]) = ([:], [:])
    for instance in graph.instances where left[instance.stage] != 0 {
      guard let key = keys[instance.name],
        let peak = (try? store.record(for: key))?.facts["peakMemory"]?.intValue
      else { continue }
      left[instance.stage] = (left[instance.stage] ?? MemoryGuesses.records) - 1
      byStage[instance.stage] = max(byStage[instance.stage] ?? 0, peak)
      byKind[instance.kind.name] = max(byKind[instance.kind.name] ?? 0, peak)
    }
    return (byStage, byKind)
  }
}
