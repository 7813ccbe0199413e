// Owns the comparison of two runs of a file: what each did, what made keys differ and through whom, whose outputs
// differ, and what scores came of it. It reads records, and neither plans nor runs anything.

import Canonical
import ContentStore
import Foundation

/// Two runs side by side. Of an instance that a run didn't mention, what was known of it then counts.
public struct RunComparison: Sendable {
  /// One of the two.
  public struct Side: Sendable {
    public let run: RunEntry
    /// What it itself had to say, by instance.
    public let news: [String: InstanceNote]
    /// The instances that it said this of, in the order of the file.
    public let executed, failed, interrupted: [String]
  }

  /// An instance that has another key after one run than after the other, or a result after one alone.
  public struct Instance: Sendable {
    public let name: String
    public let before, after: InstanceNote
    /// What differs of itself, besides what the instances have made that it reads. Nil where that can't be known: one
    /// of the two has no record.
    public let changes: [Change]?
    /// Those of the instances it reads (directly) that gave it another content.
    public let reads: [String]
    /// Whose own changes it follows, through all it reads; itself where it has changes of its own.
    public fileprivate(set) var causes: [String] = []
    /// The artifacts after each run by the output's name; nil where there is no result.
    public let outputs: (before: [String: Artifact]?, after: [String: Artifact]?)

    /// The outputs that differ; nil where there aren't two results.
    public var differing: [String]? {
      guard let before = outputs.before, let after = outputs.after else { return nil }
      return Set(before.keys).union(after.keys).filter { before[$0] != after[$0] }.sorted()
    }
  }

  /// A number that differs, or that one side alone has.
  public struct Score: Sendable, Hashable {
    public let instance, output, name: String
    public let before, after: Double?
  }

  public let from, to: Side
  /// Those that both have and that differ, in the order of the file.
  public let instances: [Instance]
  /// Those that the file had with one run alone.
  public let onlyFrom, onlyTo: [String]
  /// How many both have that don't differ.
  public let same: Int
  public let scores: [Score]

  /// - Parameters:
  ///   - graph: the file as it is now, for the order and the types of outputs. Instances may be gone from it.
  ///   - kinds: for the types of the outputs of those that are.
  /// - Throws: `StoreError`.
  public init(from: RunEntry, to: RunEntry, graph: Graph, kinds: KindCatalogue, store: Store) throws {
    let before = try store.instances(asOf: from.id)
    let after = try store.instances(asOf: to.id)
    func sorted(_ names: some Sequence<String>) -> [String] {
      names.map { (graph.index(of: $0) ?? .max, $0) }.sorted { $0 < $1 }.map(\.1)
    }
    func side(_ run: RunEntry) throws -> Side {
      let news = try store.news(of: run.id)
      func names(_ state: InstanceState) -> [String] {
        sorted(news.values.filter { $0.state == state }.map(\.name))
      }
      return Side(
        run: run, news: news, executed: names(.executed), failed: names(.failed),
        interrupted: names(.interrupted))
    }
    self.from = try side(from)
    self.to = try side(to)
    onlyFrom = sorted(before.keys.filter { after[$0] == nil })
    onlyTo = sorted(after.keys.filter { before[$0] == nil })
    let differing = sorted(
      after.values.filter { note in
        guard let earlier = before[note.name] else { return false }
        return earlier.key != note.key || earlier.state.hasResult != note.state.hasResult
      }.map(\.name))
    same = after.count - onlyTo.count - differing.count
    guard !differing.isEmpty else {
      (instances, scores) = ([], [])
      return
    }
    let history = try History(
      before: before, after: after, moved: Set(differing + onlyTo), graph: graph, store: store)
    let compared = try differing.map { try history.compare(before[$0]!, after[$0]!) }
    instances = RunComparison.withCauses(compared)
    let types = OutputTypes(graph: graph, kinds: kinds, store: store)
    scores = instances.flatMap { instance in
      (instance.differing ?? []).filter { types.isScores($0, of: instance) }
        .flatMap { RunComparison.scores(of: instance, $0, store) }
    }
  }

  /// Follows each instance's changed inputs to those that changed by themselves.
  private static func withCauses(_ compared: [Instance]) -> [Instance] {
    let index = Dictionary(uniqueKeysWithValues: compared.enumerated().map { ($1.name, $0) })
    var known = [[String]?](repeating: nil, count: compared.count)
    for start in compared.indices {
      // A stack instead of recursion: chains may be long.
      var stack = [start]
      while let i = stack.last {
        let open = compared[i].reads.compactMap { index[$0] }.filter { known[$0] == nil }
        if known[i] == nil, !open.isEmpty {
          stack += open
          continue
        }
        stack.removeLast()
        if known[i] != nil { continue }
        let isOwn = compared[i].changes?.isEmpty != true || compared[i].reads.isEmpty
        let others = compared[i].reads.flatMap { name in index[name].map { known[$0]! } ?? [name] }
        var seen = Set<String>()
        known[i] = ((isOwn ? [compared[i].name] : []) + others).filter { seen.insert($0).inserted }
      }
    }
    return zip(compared, known).map { instance, causes in
      var instance = instance
      instance.causes = causes!
      return instance
    }
  }

  private static func scores(of instance: Instance, _ output: String, _ store: Store) -> [Score] {
    func numbers(_ artifacts: [String: Artifact]?) -> [String: Double] {
      // Scores that can't be read are compared by their digests alone.
      guard let artifact = artifacts?[output], artifact.form == .blob,
        let text = try? store.read(artifact.digest, limit: mostBytesOfScores),
        let json = try? JSON(parsing: text)
      else { return [:] }
      return json.objectValue?.compactMapValues(\.doubleValue) ?? [:]
    }
    let (before, after) = (numbers(instance.outputs.before), numbers(instance.outputs.after))
    return Set(before.keys).union(after.keys).sorted().filter { before[$0] != after[$0] }.map {
      Score(instance: instance.name, output: output, name: $0, before: before[$0], after: after[$0])
    }
  }

  /// No scores are larger.
  private static let mostBytesOfScores = 1 << 20
}

/// What was known of a file after two runs, with what is needed to compare instances.
private final class History {
  private let graph: Graph
  private let store: Store
  private let outputs: [Digest: KnownOutputs]
  /// The instances that aren't what they were.
  private let moved: Set<String>
  private var manifests: [Digest: CodeManifest?] = [:]
  /// Which instance made a content, or the manifest that lists it, after the later run.
  private let makers: [Digest: String]

  init(
    before: [String: InstanceNote], after: [String: InstanceNote], moved: Set<String>, graph: Graph,
    store: Store
  ) throws {
    self.graph = graph
    self.store = store
    self.moved = moved
    let notes = [before, after].flatMap { $0.values }.filter(\.state.hasResult)
    let outputs = try store.outputs(for: Set(notes.compactMap(\.key)).sorted())
    var makers: [Digest: String] = [:]
    var manifests: [(digest: Digest, name: String)] = []
    for note in after.values.sorted(by: { $0.name < $1.name }) where note.state.hasResult {
      for artifact in note.key.flatMap({ outputs[$0] })?.artifacts.values.map(\.self) ?? [] {
        if makers[artifact.digest] == nil { makers[artifact.digest] = note.name }
        if artifact.form == .manifest { manifests.append((artifact.digest, note.name)) }
      }
    }
    // Inputs may ask for a part.
    let members = try store.members(of: manifests.map(\.digest))
    for (digest, name) in manifests {
      for artifact in (members[digest] ?? [:]).values where makers[artifact.digest] == nil {
        makers[artifact.digest] = name
      }
    }
    (self.outputs, self.makers) = (outputs, makers)
  }

  func compare(_ before: InstanceNote, _ after: InstanceNote) throws -> RunComparison.Instance {
    let results = (
      before: before.state.hasResult ? before.key.flatMap { outputs[$0] }?.artifacts : nil,
      after: after.state.hasResult ? after.key.flatMap { outputs[$0] }?.artifacts : nil
    )
    var changes: [Change]?
    var reads: [String] = []
    if let old = try before.key.flatMap(store.record), let new = try after.key.flatMap(store.record) {
      (changes, reads) = self.changes(of: after.name, from: old.action, to: new.action)
    }
    return RunComparison.Instance(
      name: after.name, before: before, after: after, changes: changes, reads: reads, outputs: results)
  }

  /// What differs of itself, and the instances that gave it another content.
  private func changes(of name: String, from old: JSON, to new: JSON) -> (own: [Change], reads: [String]) {
    func list(_ digest: Digest) -> JSON? { (try? store.read(digest)).flatMap { try? JSON(parsing: $0) } }
    let instance = graph.index(of: name).map { graph.instances[$0] }
    let (before, after) = (RecordedInputs(old, list: list), RecordedInputs(new, list: list))
    var origins: [String: [String]] = [:]
    var reads: [String] = []
    var inherited: Set<String> = []
    for (input, artifacts) in after.artifacts {
      let path = instance?.externals.first { $0.name == input }.map {
        shortened($0.url.path, root: graph.project)
      }
      origins[input] = artifacts.map { artifact in path ?? makers[artifact.digest].map { "'\($0)'" } ?? "" }
      let former = Set(before.artifacts[input] ?? [])
      let others = artifacts.filter { !former.contains($0) }
      guard path == nil, !others.isEmpty, artifacts.count == before.artifacts[input]?.count,
        case let names = others.compactMap({ makers[$0.digest] }).filter(moved.contains),
        names.count == others.count
      else { continue }
      inherited.insert("input \(input):")
      reads += names
    }
    let difference = ActionDifference(origins: origins, code: { self.manifest($0) }, list: list)
    let own = difference.changes(from: old, to: new).filter { change in
      !(inherited.contains(change.subject) && change.what.hasSuffix("changed"))
    }
    var seen = Set<String>()
    return (own, reads.sorted().filter { seen.insert($0).inserted })
  }

  private func manifest(_ digest: Digest) -> CodeManifest? {
    if let known = manifests[digest] { return known }
    let manifest = (try? store.read(digest)).flatMap { CodeManifest(parsing: $0) }
    manifests[digest] = manifest
    return manifest
  }
}

/// Which outputs are scores: JSON objects of numbers.
private struct OutputTypes {
  let graph: Graph
  let kinds: KindCatalogue
  let store: Store

  /// What kinds and commands call the type of such outputs.
  private static let scores = ArtifactType("scores")

  func isScores(_ output: String, of instance: RunComparison.Instance) -> Bool {
    if let i = graph.index(of: instance.name) {
      return graph.instances[i].outputs.contains { $0.name == output && $0.type == OutputTypes.scores }
    }
    let record = instance.after.key.flatMap { try? store.record(for: $0) }
    let kind = record?.action["kind"]?.stringValue.flatMap { kinds[$0] }
    return kind?.outputs.contains { $0.name == output && $0.type == OutputTypes.scores } ?? false
  }
}
