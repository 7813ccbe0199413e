// Owns the answer to "what would run, and why", without running anything.

import Canonical
import ContentStore
import Foundation

/// What is known of each instance without running anything.
public struct Plan: Sendable {
  public enum State: Sendable, Hashable {
    case upToDate
    /// It ran before, but with another action.
    case stale(Reason)
    /// Something it reads has to run first, so its key isn't known.
    case pending(on: String)
    /// It has never run.
    case missing
    /// It failed when it last ran, for this reason, and nothing has changed since.
    case failed(String)
    /// It was being computed when a run was interrupted.
    case interrupted
    /// It can't run: it asks for what it reads can't give.
    case impossible(String)
  }

  /// One per instance in scope, in the order of the file.
  public let entries: Entries
  /// Of the instances that were to be explained, in the order in which they were named.
  public let explanations: [Explanation]
  /// Which programs of each stage's commands count for their keys, in the order of the file.
  public let programs: [(stage: String, facts: ProgramFacts)]
  /// What went wrong while records were looked for on the remote.
  public let remoteProblems: [String]
  /// The file's newest run, if the store remembers one.
  public let lastRun: RunEntry?
  /// The ids of the processes that compute instances now, by the instances' indices.
  package var atWork: [Int: Int] = [:]

  package init(entries: [Entry], remoteProblems: [String], lastRun: RunEntry?) {
    self.entries = Entries(entries)
    explanations = []
    programs = []
    self.remoteProblems = remoteProblems
    self.lastRun = lastRun
  }

  /// Looks up what the targets (nil: all instances) and everything they read have.
  /// - Parameters:
  ///   - environment: the driver's environment; only declared variables count.
  ///   - platform: what computes here, for the keys of projects that ask for it.
  ///   - remotes: where to look for records that aren't here, in order; what is found is kept.
  ///   - explaining: the instances of which all is to be said. They are in scope.
  /// - Throws: `DecodingIssue` for external files or code that can't be read, `StoreError`.
  public init(
    _ graph: Graph, targets: [Int]? = nil, store: Store, remotes: [any Remote] = [],
    environment: [String: String], platform: Platform = Platform(), explaining: [Int] = []
  ) throws {
    let scope = Scope(graph, targets: targets)
    let keys = try KeySource(
      graph, scope: scope, store: store, environment: environment, platform: platform)
    let resolution = Resolution(graph, keys: keys, scope: scope, store: store)
    let explainer = Explainer(graph, keys: keys, known: resolution, store: store)
    let remotes = remotes.map { remote in GuardedRemote(remote) { ProcessInfo.processInfo.systemUptime } }
    // Memory that can't be read explains nothing, and matters to nobody else.
    lazy var news = (try? store.lastNews(project: graph.project, file: graph.file)) ?? [:]
    var states = [State?](repeating: nil, count: graph.instances.count)
    var problems: [String] = []
    while case let answers = try resolution.advance(), !answers.isEmpty {
      var misses: [Int] = []
      for (i, answer) in answers {
        switch answer {
        case .hit: states[i] = .upToDate
        case .miss(let undeclared?): states[i] = .stale(.outputUndeclared(undeclared))
        case .miss(nil): misses.append(i)
        case .impossible(let why): states[i] = .impossible(why)
        case .unread(let manifest):
          // Where it isn't here, what it lists isn't known before somebody fetches it.
          guard let entries = try? store.entries(of: manifest) else { continue }
          resolution.learn(manifest, entries)
          resolution.recheck(i)
        }
      }
      let found =
        remotes.isEmpty || misses.isEmpty
        ? [:] : Plan.records(misses.map { resolution.key[$0]! }, store: store, remotes: remotes, &problems)
      for i in misses {
        if let artifacts = found[resolution.key[i]!],
          graph.instances[i].outputs.allSatisfy({ artifacts[$0.name] != nil })
        {
          resolution.settle(i, artifacts)
          states[i] = .upToDate
        } else {
          states[i] = Plan.state(
            explainer.reason(i, keys.action(i, resolution)), news[graph.instances[i].name],
            key: resolution.key[i]!)
        }
      }
    }
    problems += remotes.flatMap { $0.takeNotices() }
    // Of those left, each waits for the first thing it reads that isn't up to date, and that for its own.
    var waitsFor = [Int](repeating: 0, count: graph.instances.count)
    for i in graph.order where scope.contains(i) && states[i] == nil {
      let cause = graph.dependencies[i].first { states[$0] != .upToDate } ?? graph.dependencies[i][0]
      if case .pending = states[cause] { waitsFor[i] = waitsFor[cause] } else { waitsFor[i] = cause }
      states[i] = .pending(on: graph.instances[waitsFor[i]].name)
    }
    var formerNames: [Int: String] = [:]
    // Of those whose names and keys are remembered just so, none had another name.
    let areAllKnown =
      states.allSatisfy { $0 == nil || $0 == .upToDate }
      && graph.seal(scope, keys: resolution.key).map {
        (try? store.isSealed($0, project: graph.project, file: graph.file)) ?? false
      } ?? false
    for i in scope where !areAllKnown && states[i] == .upToDate {
      formerNames[i] = resolution.key[i].flatMap { explainer.formerName(i, $0) }
    }
    // Without knowing, they are up to date all the same.
    let accepted = (try? store.acceptedKeys()) ?? [:]
    entries = Entries(
      graph, scope, states: states, keys: resolution.key, artifacts: resolution.artifacts,
      formerNames: formerNames, accepted: accepted)
    explanations = explaining.map { i in
      explainer.explanation(i, states[i]!, waits: Plan.waits(of: i, graph, states))
    }
    programs = Plan.programs(of: scope, graph, keys)
    remoteProblems = problems
    lastRun = try? store.runs(project: graph.project, file: graph.file, limit: 1).first
    // Who is at work matters to no result.
    let leases = (try? store.leases()) ?? [:]
    for entry in entries where entry.state != .upToDate {
      if let holder = entry.key.flatMap({ leases[$0] }) { atWork[entry.instance] = holder.process }
    }
  }

  /// What is to be said of an instance whose key has no record.
  private static func state(_ reason: Reason, _ news: InstanceNote?, key: Digest) -> State {
    switch news?.state {
    case .failed where news?.key == key: .failed(news?.message ?? "no reason was given")
    case .failed where reason == .neverRun: .stale(.changedSinceFailure)
    case .interrupted where news?.key == key || reason == .neverRun: .interrupted
    default: reason == .neverRun ? .missing : .stale(reason)
    }
  }

  private static func programs(
    of scope: Scope, _ graph: Graph, _ keys: KeySource
  ) -> [(stage: String, facts: ProgramFacts)] {
    var found: [(stage: String, facts: ProgramFacts)] = []
    var latest: Instance.CodeIdentity?
    for i in scope where graph.instances[i].codeIdentity != latest {
      latest = graph.instances[i].codeIdentity
      guard let facts = keys.programs(i) else { continue }
      let stage = graph.instances[i].stage
      if found.last?.stage != stage {
        found.append((stage, facts))
      } else if found[found.count - 1].facts != facts {
        found[found.count - 1].facts.add(facts)
      }
    }
    return found
  }

  /// So many keys are asked for in one call.
  private static let mostAsked = 1000

  /// What the remotes have of these keys, asked for beside this thread, so that one that hangs is left.
  private static func records(
    _ keys: [Digest], store: any ResultStore, remotes: [GuardedRemote], _ problems: inout [String]
  ) -> [Digest: [String: Artifact]] {
    let threads = Threads()
    defer { threads.close() }
    let starts = Array(stride(from: 0, to: keys.count, by: mostAsked))
    func ask(_ n: Int) {
      let batch = Array(keys[starts[n]..<min(starts[n] + mostAsked, keys.count)])
      threads.errand(.asking, n) {
        Result { try store.pullRecords(batch, from: remotes.filter { $0.silence == nil }) }
          .mapError(StoreError.init(wrapping:))
      }
    }
    var left = Set(starts.indices)
    for n in left { ask(n) }
    var found: [Digest: [String: Artifact]] = [:]
    while !left.isEmpty {
      // Those after one that hangs may have what it was asked for.
      if remotes.filter({ $0.giveUpIfStuck() }).count > 0 {
        threads.replaceHands()
        for n in left { ask(n) }
      }
      guard case .errand(let n, let outcome)? = threads.next(until: threads.now + GuardedRemote.patience / 4),
        let answers = outcome as? Result<[RecordAnswer], StoreError>, left.remove(n) != nil
      else { continue }
      switch answers {
      case .success(let answers):
        for (key, answer) in zip(keys[starts[n]...], answers) {
          found[key] = answer.known?.artifacts
          // A remote that is away fails for each; it says so itself.
          problems += answer.problems.filter { !$0.error.isOfRemote }.map { "\($0.error)" }
        }
      case .failure(let error): problems.append("\(error)")
      }
    }
    return found
  }
}
