// Owns how far the keys of a graph are known: as soon as the artifacts that an instance reads are, its key is, and is
// looked up, in waves, so that 100,000 instances that are up to date take one pass of bulk queries. It runs nothing.

import Canonical
import ContentStore

/// The keys and artifacts known so far.
final class Resolution {
  /// What looking an instance up came to.
  enum Answer {
    case hit
    /// Its key has no record, or one without the outputs that are declared.
    case miss(Action, undeclared: String?)
  }

  let graph: Graph
  let keys: KeySource
  private let store: Store
  private let remote: (any Remote)?
  let scope: Set<Int>
  /// What is known of each instance's outputs.
  private(set) var artifacts: [[String: Artifact]?]
  private(set) var key: [Digest?]
  /// How many of the instances that it reads have no known artifacts.
  private var unknown: [Int]
  /// Those that can be looked up now.
  private var ready: [Int]
  /// Those that are not to be looked up before `recheck`, because they run with what was known before.
  private var held: Set<Int> = []
  /// Whether `ready` may name an instance twice.
  private var mayRepeat = false
  /// What went wrong while records were looked for on the remote: `.remote`, or `.record` for what isn't one.
  var remoteProblems: [StoreError] = []

  init(_ graph: Graph, keys: KeySource, scope: Set<Int>, store: Store, remote: (any Remote)?) {
    self.graph = graph
    self.keys = keys
    self.store = store
    self.remote = remote
    self.scope = scope
    artifacts = Array(repeating: nil, count: graph.instances.count)
    key = Array(repeating: nil, count: graph.instances.count)
    unknown = graph.dependencies.map(\.count)
    ready = graph.order.filter { graph.dependencies[$0].isEmpty && scope.contains($0) }
  }

  /// Looks up everything that can be, and what follows from it, until only misses are left. Returns the answers in
  /// the order of the pass.
  func advance() throws -> [(instance: Int, answer: Answer)] {
    var answers: [(Int, Answer)] = []
    var buffer: [UInt8] = []
    while !ready.isEmpty {
      let wave = mayRepeat ? Set(ready).sorted() : ready
      mayRepeat = false
      ready = []
      let wanted = wave.map { keys.key($0, artifacts: artifacts, buffer: &buffer) }
      let found = try lookUp(wanted)
      for (i, digest) in zip(wave, wanted) {
        key[i] = digest
        guard let outputs = found[digest] else {
          answers.append((i, .miss(keys.action(i, artifacts: artifacts), undeclared: nil)))
          continue
        }
        if let lacking = graph.instances[i].outputs.first(where: { outputs[$0.name] == nil }) {
          answers.append((i, .miss(keys.action(i, artifacts: artifacts), undeclared: lacking.name)))
          continue
        }
        settle(i, outputs)
        answers.append((i, .hit))
      }
    }
    return answers
  }

  /// The artifacts of instance `i` are known from now on.
  func settle(_ i: Int, _ outputs: [String: Artifact]) {
    let wasKnown = artifacts[i] != nil
    artifacts[i] = outputs
    if wasKnown { return }
    for c in graph.consumers[i] where scope.contains(c) {
      unknown[c] -= 1
      if unknown[c] == 0, !held.contains(c) { ready.append(c) }
    }
  }

  /// The artifacts of instance `i` are others from now on: everything that follows from them is unknown again, and
  /// looked up afresh, those for which `runs` holds only once they are given to `recheck`. Returns the others.
  func adopt(_ i: Int, _ outputs: [String: Artifact], runs: (Int) -> Bool) -> [Int] {
    artifacts[i] = outputs
    var followers = Set<Int>()
    var stack = graph.consumers[i]
    while let c = stack.popLast() {
      if scope.contains(c), followers.insert(c).inserted { stack += graph.consumers[c] }
    }
    for f in followers {
      artifacts[f] = nil
      key[f] = nil
    }
    ready.removeAll { followers.contains($0) }
    held.formUnion(followers.filter(runs))
    let unsettled = followers.filter { !held.contains($0) }.sorted()
    for f in followers { unknown[f] = graph.dependencies[f].count { artifacts[$0] == nil } }
    for f in unsettled where unknown[f] == 0 { ready.append(f) }
    mayRepeat = true
    return unsettled
  }

  /// Whether instance `i` runs with inputs that have been given up since.
  func isOutdated(_ i: Int) -> Bool { held.contains(i) }

  /// Looks instance `i`, which nothing is known of, up as soon as its inputs are known.
  func recheck(_ i: Int) {
    held.remove(i)
    key[i] = nil
    mayRepeat = true
    if unknown[i] == 0 { ready.append(i) }
  }

  /// Records here, else on the remote.
  private func lookUp(_ wave: [Digest]) throws -> [Digest: [String: Artifact]] {
    var found = try store.outputs(for: wave)
    guard let remote else { return found }
    for key in wave where found[key] == nil {
      do {
        if let record = try store.pullRecord(key, from: remote) { found[key] = record.artifacts }
      } catch let error as StoreError {
        switch error {
        case .record, .remote: remoteProblems.append(error)
        default: throw error
        }
      }
    }
    return found
  }
}
