// Owns how far the keys of a graph are known: as soon as the artifacts that an instance reads are, its key is, and is
// looked up, in waves, so that 100,000 instances that are up to date take one pass of bulk queries. It runs nothing.

import Canonical
import ContentStore

/// What looking instances up came to, in the order of the pass. Nearly all of many are hits, and take a few bytes each.
struct Answers: Sequence {
  private var instances: [UInt32] = []
  private var platforms: [Int64] = []
  private var others: [Int: Resolution.Answer] = [:]

  var isEmpty: Bool { instances.isEmpty }

  mutating func append(_ i: Int, _ answer: Resolution.Answer) {
    if case .hit(let platform) = answer {
      platforms.append(platform)
    } else {
      others[instances.count] = answer
      platforms.append(0)
    }
    instances.append(UInt32(i))
  }

  func makeIterator() -> some IteratorProtocol<(instance: Int, answer: Resolution.Answer)> {
    instances.indices.lazy.map { n in
      (Int(instances[n]), others[n] ?? .hit(platform: platforms[n]))
    }.makeIterator()
  }
}

/// The keys and artifacts known so far.
final class Resolution {
  /// What looking an instance up came to.
  enum Answer {
    /// Its record is here; by what it was computed, as `KnownOutputs.platform` says.
    case hit(platform: Int64)
    /// Its key has no record, or one without an output that is declared.
    case miss(undeclared: String?)
    /// Its key needs a part of a manifest that isn't here.
    case unread(Digest)
    /// It asks for what it reads can't give.
    case impossible(String)
  }

  let graph: Graph
  let keys: KeySource
  let store: any ResultStore
  let scope: Scope
  /// What is known of each instance's outputs.
  private(set) var artifacts: KnownArtifacts
  private(set) var key: [Digest?]
  /// Of traced commands, what they open without declaring it, as far as that is known.
  private(set) var observed: [Int: Observation] = [:]
  /// How many of the instances that it reads have no known artifacts.
  private var unknown: [UInt32]
  /// Those that can be looked up now.
  private var ready: [Int]
  /// Whether `ready` may name an instance twice.
  private var mayRepeat = false
  /// What the manifests list of which keys need parts.
  private var parts: [Digest: [String: Artifact]] = [:]

  init(_ graph: Graph, keys: KeySource, scope: Scope, store: any ResultStore) {
    self.graph = graph
    self.keys = keys
    self.store = store
    self.scope = scope
    artifacts = KnownArtifacts(graph.instances)
    key = Array(repeating: nil, count: graph.instances.count)
    unknown = graph.dependencies.map { UInt32($0.count) }
    ready = graph.order.filter { graph.dependencies[$0].isEmpty && scope.contains($0) }
  }

  /// Looks up everything that can be, and what follows from it, until only misses are left. Returns the answers in
  /// the order of the pass.
  /// - Parameter mayBeLookedUp: whether an instance isn't occupied with what was known before.
  func advance(_ mayBeLookedUp: (Int) -> Bool = { _ in true }) throws -> Answers {
    var answers = Answers()
    var buffer: [UInt8] = []
    while !ready.isEmpty {
      var wave = (mayRepeat ? Set(ready).sorted() : ready).filter(mayBeLookedUp)
      mayRepeat = false
      ready = []
      try readParts(of: wave)
      wave.removeAll { i in
        guard let obstacle = obstacle(to: i) else { return false }
        answers.append(i, obstacle)
        return true
      }
      for i in wave where !observed.isEmpty { observed[i] = nil }
      for i in wave { key[i] = keys.key(i, self, buffer: &buffer) }
      try lookAtTraces(of: wave)
      let found = try lookUp(wave)
      for (n, i) in wave.enumerated() {
        answers.append(i, found[n])
        if case .hit = found[n] { tellConsumers(of: i) }
      }
    }
    return answers
  }

  /// What instance `i`, a traced command, opens is known from now on; its key follows from it where it is known already.
  func observe(_ i: Int, _ observation: Observation?) {
    observed[i] = observation
    if key[i] != nil { key[i] = keys.action(i, self).key }
  }

  /// Instance `j` has the key of `i`, whatever that has turned out to be.
  func observe(_ j: Int, like i: Int) {
    if observed[i] != observed[j] { observe(j, observed[i]) }
  }

  /// So many keys are looked up at a time.
  private static let batch = 4096

  /// What the store has for the keys of these instances; the artifacts of those that it knows are known then.
  private func lookUp(_ wave: [Int]) throws -> [Answer] {
    var found = [Answer](repeating: .miss(undeclared: nil), count: wave.count)
    var order = Array(wave.indices)
    // In the order in which the store has them, so that each of its pages is read once.
    if wave.count > Resolution.batch { order.sort { key[wave[$0]]! < key[wave[$1]]! } }
    for start in stride(from: 0, to: order.count, by: Resolution.batch) {
      let batch = order[start..<min(start + Resolution.batch, order.count)]
      let known = try store.outputs(for: batch.map { key[wave[$0]]! })
      for n in batch {
        guard let known = known[key[wave[n]]!] else { continue }
        if let lacking = graph.instances[wave[n]].outputs.first(where: { known.artifacts[$0.name] == nil }) {
          found[n] = .miss(undeclared: lacking.name)
        } else {
          artifacts[wave[n]] = known.artifacts
          found[n] = .hit(platform: known.platform)
        }
      }
    }
    return found
  }

  /// The artifacts of instance `i` are known from now on.
  func settle(_ i: Int, _ outputs: [String: Artifact]) {
    let wereKnown = artifacts.areKnown(i)
    artifacts[i] = outputs
    if !wereKnown { tellConsumers(of: i) }
  }

  private func tellConsumers(of i: Int) {
    for c in graph.consumers[i] where scope.contains(c) {
      unknown[c] -= 1
      if unknown[c] == 0 { ready.append(c) }
    }
  }

  /// The artifacts of instance `i` are others from now on: everything that follows from them is unknown again, and
  /// looked up afresh. Returns what follows, in topological order.
  func adopt(_ i: Int, _ outputs: [String: Artifact]) -> [Int] {
    artifacts[i] = outputs
    var following = Set<Int>()
    var stack = Array(graph.consumers[i])
    while let c = stack.popLast() {
      if scope.contains(c), following.insert(c).inserted { stack += graph.consumers[c] }
    }
    for f in following {
      artifacts[f] = nil
      key[f] = nil
    }
    for f in following { unknown[f] = UInt32(graph.dependencies[f].count { !artifacts.areKnown($0) }) }
    ready.removeAll { following.contains($0) }
    let sorted = following.sorted()
    ready += sorted.filter { unknown[$0] == 0 }
    mayRepeat = true
    return sorted
  }

  /// Looks instance `i`, which nothing is known of, up as soon as its inputs are known.
  func recheck(_ i: Int) {
    key[i] = nil
    mayRepeat = true
    if unknown[i] == 0 { ready.append(i) }
  }

  /// What a manifest lists that wasn't here.
  func learn(_ manifest: Digest, _ entries: [String: Artifact]) { parts[manifest] = entries }

  /// The artifact that an instance reads by source `n` of an input: all of it, or the part that the input asks for.
  func artifact(of instance: Instance, _ binding: InputBinding, _ n: Int) -> Artifact {
    guard let artifact = knownArtifact(of: instance, binding, n) else {
      preconditionFailure("BUG: what \(instance.name) reads by '\(binding.name)' isn't known")
    }
    return artifact
  }

  /// The same; nil where it isn't known.
  func knownArtifact(of instance: Instance, _ binding: InputBinding, _ n: Int) -> Artifact? {
    let source = binding.sources[n]
    guard let artifact = artifacts.artifact(source.instance, source.output) else { return nil }
    guard let part = instance.part(of: binding) else { return artifact }
    return parts[artifact.digest]?[part]
  }

  /// What instance `i` reads by an input.
  func sources(of i: Int, _ binding: InputBinding) -> [Artifact] {
    binding.sources.indices.map { artifact(of: graph.instances[i], binding, $0) }
  }

  /// Reads the manifests here of which keys of the wave need parts, all at once.
  private func readParts(of wave: [Int]) throws {
    var wanted = Set<Digest>()
    for i in wave where !graph.instances[i].kind.parts.isEmpty {
      for (_, _, artifact) in partial(i) where artifact.form == .manifest && parts[artifact.digest] == nil {
        wanted.insert(artifact.digest)
      }
    }
    if !wanted.isEmpty { parts.merge(try store.members(of: wanted.sorted())) { first, _ in first } }
  }

  /// Why the key of instance `i` can't be made yet, or ever.
  private func obstacle(to i: Int) -> Answer? {
    let instance = graph.instances[i]
    if instance.kind.parts.isEmpty { return nil }
    for (binding, part, artifact) in partial(i) {
      guard artifact.form == .manifest else {
        return .impossible(
          "input '\(binding.name)' wants the part '\(part)' of what it reads, which has no parts")
      }
      guard let members = parts[artifact.digest] else { return .unread(artifact.digest) }
      guard members[part] != nil else {
        let known = members.keys.sorted().joined(separator: ", ")
        return .impossible(
          "input '\(binding.name)' wants the part '\(part)' of what it reads; that has \(known)")
      }
    }
    return nil
  }

  private func partial(_ i: Int) -> [(InputBinding, String, Artifact)] {
    let instance = graph.instances[i]
    return instance.inputs.flatMap { binding -> [(InputBinding, String, Artifact)] in
      guard let part = instance.part(of: binding) else { return [] }
      return binding.sources.compactMap { source in
        artifacts.artifact(source.instance, source.output).map { (binding, part, $0) }
      }
    }
  }
}
