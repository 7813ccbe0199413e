// Owns computing instances again to compare their bits with recorded ones. Nothing of the store changes, whatever comes
// out: what reads them goes on with what is recorded, and what is computed is thrown away.

import Canonical
import ContentStore
import Foundation

/// What came of computing an instance again.
public struct Verdict: Sendable {
  public enum Finding: Sendable {
    /// The same artifacts, bit for bit.
    case equal
    /// The first difference; and what differs of the platform that computed what is recorded, if anything does.
    case different(ArtifactDifference, platform: String?)
    /// It failed.
    case failed(Failure)
    /// It wasn't computed: something that it reads is lost, or it was interrupted.
    case notVerified(String)
  }

  /// Index into the graph's instances.
  public var instance: Int
  public var name: String
  public var key: Digest
  public var finding: Finding
  /// How long it took.
  public var seconds: Double

  public init(instance: Int, name: String, key: Digest, finding: Finding, seconds: Double) {
    self.instance = instance
    self.name = name
    self.key = key
    self.finding = finding
    self.seconds = seconds
  }
}

/// What a verification came to.
public struct VerificationReport: Sendable {
  /// One per instance that was drawn, in the order of the file.
  public var verdicts: [Verdict]
  /// Indices of those that were asked for and have no result in the cache.
  public var absent: [Int]
  /// How many there were to draw from.
  public var candidates: Int
  /// From start to end.
  public var seconds: Double
  public var interrupted: Bool
  /// Failures of the store.
  public var storeProblems: [String]

  public init(
    verdicts: [Verdict], absent: [Int], candidates: Int, seconds: Double, interrupted: Bool = false,
    storeProblems: [String] = []
  ) {
    self.verdicts = verdicts
    self.absent = absent
    self.candidates = candidates
    self.seconds = seconds
    self.interrupted = interrupted
    self.storeProblems = storeProblems
  }

  /// How many came out the same.
  public var verified: Int { verdicts.count { if case .equal = $0.finding { true } else { false } } }
  public var different: Int { verdicts.count { if case .different = $0.finding { true } else { false } } }
  public var failed: Int { verdicts.count { if case .failed = $0.finding { true } else { false } } }
  /// How many have no result, or can't be computed from what there is.
  public var notInCache: Int { absent.count + verdicts.count - verified - different - failed }

  /// 130 interrupted; 3 the store failed; 1 something differs or failed, or nothing was verified at all; 0 all well.
  public var exitStatus: Int32 {
    if interrupted { return 130 }
    if !storeProblems.isEmpty { return 3 }
    return different + failed > 0 || verified == 0 ? 1 : 0
  }

  public var json: JSON {
    [
      "verified": .integer(verified), "different": .integer(different), "failed": .integer(failed),
      "notInCache": .integer(notInCache), "candidates": .integer(candidates), "seconds": .number(seconds),
      "interrupted": .bool(interrupted), "storeProblems": .array(storeProblems.map(JSON.string)),
      "instances": .array(verdicts.map(\.json)),
    ]
  }
}

extension Verdict {
  var json: JSON {
    var members: [String: JSON] = [
      "name": .string(name), "key": .string(key.hex), "seconds": .number(seconds),
    ]
    switch finding {
    case .equal: members["state"] = "equal"
    case .different(let difference, let platform):
      members["state"] = "different"
      members["difference"] = difference.json
      members["otherPlatform"] = platform.map(JSON.string) ?? .null
    case .failed(let failure):
      members["state"] = "failed"
      members["message"] = .string(failure.message)
    case .notVerified(let why):
      members["state"] = "notVerified"
      members["message"] = .string(why)
    }
    return .object(members)
  }
}

extension ArtifactDifference {
  var json: JSON {
    var members: [String: JSON] = ["artifact": .string(artifact)]
    if let content {
      members["place"] = .string(content.place)
      members["recorded"] = .string(content.recorded)
      members["now"] = .string(content.now)
      members["largest"] = content.largest.map(JSON.number)
      members["extent"] = content.extent.map(JSON.string)
    }
    return .object(members)
  }
}

/// Computes instances again, each alone, and compares.
public final class Verification {
  /// What is computed again, and with what it is compared.
  struct Subject {
    var instance: Int
    /// The key that it has now.
    var key: Digest
    /// The key under which the result is recorded: the same, unless it is looked at whether other code gives it too.
    var recorded: Digest
    var artifacts: [String: Artifact]
  }

  /// How many instances are computed where nobody says how many.
  public static let usualSample = 8

  private let graph: Graph
  private let store: any ResultStore
  private let subjects: [Subject]
  private let absent: [Int]
  private let candidates: Int
  private let comparing: ComparingStore
  private let run: Run

  /// A verification of a sample of what is up to date.
  /// - Parameters:
  ///   - plan: how the instances stand.
  ///   - instances: indices of those that are asked for; nil: all.
  ///   - sample: how many are drawn; nil: all.
  ///   - options: its targets, remote and the rest that concerns publishing don't matter.
  ///   - observe: as of `Run`.
  public convenience init(
    _ graph: Graph, _ plan: Plan, of instances: [Int]? = nil, sample: Int?, seed: Int, store: Store,
    executor: any Executor, options: RunOptions, comparers: [ContentComparer],
    observe: @escaping (RunEvent) throws -> Void = { _ in }
  ) throws {
    try self.init(
      graph, plan, of: instances, sample: sample, seed: seed, store: store, executor: executor,
      options: options, comparers: comparers, surroundings: Threads(), observe: observe)
  }

  package convenience init(
    _ graph: Graph, _ plan: Plan, of instances: [Int]?, sample: Int?, seed: Int, store: Store,
    executor: any Executor, options: RunOptions, comparers: [ContentComparer],
    surroundings: any Surroundings, observe: @escaping (RunEvent) throws -> Void
  ) throws {
    let asked = instances.map(Set.init) ?? Set(graph.instances.indices)
    var subjects: [Int: Subject] = [:]
    for entry in plan.entries where asked.contains(entry.instance) {
      guard entry.state == .upToDate, let key = entry.key, let artifacts = entry.artifacts else { continue }
      subjects[entry.instance] = Subject(
        instance: entry.instance, key: key, recorded: key, artifacts: artifacts)
    }
    let candidates = subjects.keys.sorted()
    let drawn = graph.sample(sample ?? .max, of: candidates, seed: seed) {
      graph.instances[$0].stage
    }
    try self.init(
      graph, drawn.map { subjects[$0]! }, store: store, executor: executor, options: options,
      absent: asked.subtracting(candidates).sorted(), candidates: candidates.count, comparers: comparers,
      surroundings: surroundings, observe: observe)
  }

  init(
    _ graph: Graph, _ subjects: [Subject], store: Store, executor: any Executor, options: RunOptions,
    absent: [Int], candidates: Int, comparers: [ContentComparer], surroundings: any Surroundings,
    observe: @escaping (RunEvent) throws -> Void
  ) throws {
    self.graph = graph
    self.store = store
    self.subjects = subjects
    self.absent = absent
    self.candidates = candidates
    let expected = subjects.map { subject in
      (
        subject.key,
        ComparingStore.Expected(
          recorded: subject.recorded, artifacts: subject.artifacts,
          outputs: graph.instances[subject.instance].outputs)
      )
    }
    comparing = ComparingStore(
      store, try Trial(beside: store), expecting: Dictionary(expected) { first, _ in first },
      comparers: comparers)
    var options = options
    // Those with one key are computed once.
    let leaders = Dictionary(subjects.map { ($0.key, $0.instance) }) { first, _ in first }
    options.targets = leaders.values.sorted()
    options.compared = Set(leaders.values)
    options.required = []
    options.keepGoing = true
    options.resumes = true
    options.remotes = []
    let count = leaders.count
    run = try Run(graph, store: comparing, executor: executor, options: options, surroundings: surroundings) {
      // What it reads is there, and of no interest.
      if case .planned = $0 { try observe(.planned(total: count, cached: 0)) } else { try observe($0) }
    }
  }

  /// How many instances are computed.
  public var count: Int { subjects.count }
  /// How many there were to draw from.
  public var drawnFrom: Int { candidates }

  /// A way to end it, as of `Run`.
  public var interruption: Interrupt { run.interruption }

  /// Computes and compares. Call it once.
  public func callAsFunction() -> VerificationReport {
    let report = run.run()
    let outcomes = comparing.outcomes
    let reports = Dictionary(report.instances.compactMap { r in r.key.map { ($0, r) } }) { a, b in
      a.state == .cached ? b : a
    }
    let verdicts = subjects.map { subject in
      let its = reports[subject.key]
      return Verdict(
        instance: subject.instance, name: graph.instances[subject.instance].name, key: subject.key,
        finding: finding(of: subject, its, outcomes[subject.key]), seconds: its?.seconds ?? 0)
    }
    return VerificationReport(
      verdicts: verdicts, absent: absent, candidates: candidates, seconds: report.seconds,
      interrupted: report.interrupted, storeProblems: report.storeProblems)
  }

  /// Where the results were computed that were compared: host, instruction set, versions.
  var facts: JSON {
    let all = comparing.outcomes.sorted { $0.key < $1.key }.first?.value.facts.objectValue ?? [:]
    return .object(all.filter { ["host", "instructionSet", "versions"].contains($0.key) })
  }

  private func finding(
    of subject: Subject, _ report: InstanceReport?, _ outcome: ComparingStore.Outcome?
  ) -> Verdict.Finding {
    if let failure = report?.failure { return .failed(failure) }
    guard let outcome, report?.state == .executed else {
      // Of a traced command the key has what it opened.
      if report?.state == .executed {
        return .failed(
          Failure(.other, "it opened other files than recorded, so what came out has another key"))
      }
      return .notVerified(report?.message ?? "it wasn't computed")
    }
    guard let difference = outcome.difference else { return .equal }
    let recorded = (try? store.record(for: subject.recorded))?.facts
    var platform: String?
    if let there = recorded.flatMap({ Platform(facts: $0) }), let here = Platform(facts: outcome.facts),
      there != here
    {
      platform = there.difference(to: here)
    }
    return .different(difference, platform: platform)
  }
}
