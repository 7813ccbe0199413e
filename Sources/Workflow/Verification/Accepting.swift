// Owns taking results over from other code: a sample is computed with the new code, and if every bit is that of the
// earlier results, all of them are recorded under their new keys, with what was done and on what evidence.

import Canonical
import ContentStore
import Foundation
import Processes

/// What accepting a stage came to.
public struct AcceptanceReport: Sendable {
  /// What came of the sample.
  public var verification: VerificationReport
  /// Indices of the instances that have new records.
  public var accepted: [Int]
  /// Why some have none though the sample was equal.
  public var problems: [String]

  /// As of a verification; 3 where something couldn't be recorded.
  public var exitStatus: Int32 {
    verification.exitStatus != 0 ? verification.exitStatus : problems.isEmpty ? 0 : 3
  }

  public init(verification: VerificationReport, accepted: [Int], problems: [String]) {
    self.verification = verification
    self.accepted = accepted
    self.problems = problems
  }
}

/// Takes results over from other code.
public final class Accepting {
  private let graph: Graph
  private let plan: AcceptancePlan
  private let store: Store
  private let options: RunOptions
  private let verification: Verification

  /// - Parameters:
  ///   - sample: how many instances are computed, at least one of each change of code; nil: all.
  ///   - options, observe: as of `Verification`.
  public convenience init(
    _ graph: Graph, _ plan: AcceptancePlan, sample: Int?, seed: Int, store: Store, executor: any Executor,
    options: RunOptions, comparers: [ContentComparer],
    observe: @escaping (RunEvent) throws -> Void = { _ in }
  ) throws {
    try self.init(
      graph, plan, sample: sample, seed: seed, store: store, executor: executor, options: options,
      comparers: comparers, surroundings: Threads(), observe: observe)
  }

  package init(
    _ graph: Graph, _ plan: AcceptancePlan, sample: Int?, seed: Int, store: Store, executor: any Executor,
    options: RunOptions, comparers: [ContentComparer], surroundings: any Surroundings,
    observe: @escaping (RunEvent) throws -> Void
  ) throws {
    (self.graph, self.plan, self.store, self.options) = (graph, plan, store, options)
    let candidates = Dictionary(uniqueKeysWithValues: plan.candidates.map { ($0.instance, $0) })
    let changes = Set(plan.candidates.map(\.change)).count
    let drawn = graph.sample(max(sample ?? .max, changes), of: plan.instances, seed: seed) {
      candidates[$0]!.change
    }
    let subjects = drawn.map { i in
      Verification.Subject(
        instance: i, key: candidates[i]!.action.key, recorded: candidates[i]!.earlier.key,
        artifacts: candidates[i]!.earlier.artifacts)
    }
    verification = try Verification(
      graph, subjects, store: store, executor: executor, options: options, absent: [],
      candidates: candidates.count, comparers: comparers, surroundings: surroundings, observe: observe)
  }

  /// How many instances are computed.
  public var count: Int { verification.count }

  /// A way to end it, as of `Run`.
  public var interruption: Interrupt { verification.interruption }

  /// Computes the sample and, if all of it is equal, records. Call it once.
  /// - Throws: `StoreError` when nothing can be recorded.
  public func callAsFunction() throws -> AcceptanceReport {
    let report = verification()
    guard report.exitStatus == 0, report.verified == verification.count else {
      return AcceptanceReport(verification: report, accepted: [], problems: [])
    }
    let evidence = report.verdicts.map { verdict in
      Acceptance.Evidence(
        instance: verdict.name,
        from: plan.candidates.first { $0.instance == verdict.instance }!.earlier.key, key: verdict.key)
    }
    var accepted: [Int] = []
    var problems: [String] = []
    // As a run, so that the next one compares with what holds from now on.
    let run = try store.beginRun(
      project: graph.project, file: graph.file, commandLine: options.commandLine)
    for candidate in plan.candidates {
      do {
        if let problem = try record(candidate, evidence) { problems.append(problem) }
        accepted.append(candidate.instance)
      } catch let error as StoreError {
        problems.append("\(graph.instances[candidate.instance].name) was not accepted: \(error)")
        if error.concernsWholeStore { break }
      }
    }
    let keys = Dictionary(uniqueKeysWithValues: plan.candidates.map { ($0.instance, $0.action.key) })
    try store.note(
      run,
      accepted.map { InstanceNote(name: graph.instances[$0].name, key: keys[$0], state: .cached) })
    let outcome = RunOutcome(
      exitStatus: problems.isEmpty ? 0 : 3, executed: 0, cached: accepted.count, failed: 0, skipped: 0)
    try store.endRun(run, outcome: outcome)
    return AcceptanceReport(verification: report, accepted: accepted, problems: problems)
  }

  /// Publishes the earlier result under the new key. Returns what is wrong, if something is.
  private func record(_ candidate: AcceptancePlan.Candidate, _ evidence: [Acceptance.Evidence]) throws
    -> String?
  {
    let earlier = candidate.earlier
    let named = try ([candidate.code.text] + candidate.action.lists).map { try store.write(Array($0.utf8)) }
    let acceptance = Acceptance(
      from: earlier.key, time: options.now().timestamp, changes: candidate.changes, evidence: evidence,
      candidates: plan.candidates.count, facts: verification.facts)
    let mine = Set(named.map(\.digest))
    let record = Record(
      action: candidate.action.json, artifacts: earlier.artifacts,
      blobs: earlier.blobs.filter { !mine.contains($0.digest) } + named.map(\.form), facts: earlier.facts,
      log: earlier.log, accepted: earlier.accepted + [acceptance])
    switch try store.publish(record, blobs: named) {
    case .published, .alreadyThere, .replaced: return nil
    case .conflict, .leased:
      return
        "\(graph.instances[candidate.instance].name): another run has published other bytes meanwhile, which stay"
    }
  }
}
