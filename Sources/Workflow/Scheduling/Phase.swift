// Owns what can be true of an instance while a run goes on: one case at a time, with what is true in it.

import Canonical
import ContentStore
import Foundation

/// What is true of an instance. Indirect, so that a million that are done take a few bytes each and share the rest.
indirect enum Phase: Sendable {
  /// What it reads isn't known, or its key hasn't been looked up.
  case waiting
  /// The remote is asked for its record, or for a manifest of which its key needs a part.
  case asking
  /// The instance with the same key (its index) is looked up, or runs, for both.
  case following(Int)
  /// It has to run and waits for its turn to have its inputs opened.
  case queued(Attempt)
  /// What it reads is fetched, decompressed and verified.
  case opening(Attempt)
  /// Something it reads could not be had for the moment; it is tried again later.
  case resting(Attempt)
  /// What it reads is at hand; it waits for room on the machine.
  case ready(Attempt)
  /// Another driver computes it.
  case elsewhere(Attempt, LeaseHolder)
  /// The producers of lost blobs run again first.
  case awaiting(Set<Int>, Need)
  case running(Work)
  /// Its work is over, and its record is being written.
  case publishing(Work)
  /// Its artifacts are known, and whether their bytes can be read is being looked at.
  case checking(Outcome)
  /// Its artifacts are known.
  case done(Outcome)
  case failed(Failure, Outcome)
  case skipped(String)

  /// What a phase means for the end of the run.
  enum Standing: Int, CaseIterable {
    /// Something else has to happen first.
    case idle
    /// It goes on by itself, unless nothing new may start.
    case pending
    /// It can't be left undone.
    case working
    case over
  }

  var standing: Standing {
    switch self {
    case .waiting, .following, .awaiting: .idle
    case .asking, .queued, .opening, .resting, .ready, .elsewhere, .checking: .pending
    case .running, .publishing: .working
    case .done, .failed, .skipped: .over
    }
  }
}

/// Why an instance runs, and how often that went wrong for reasons that aren't its own.
struct Attempt: Sendable {
  enum Purpose: Sendable {
    /// Its key has no record.
    case miss
    /// It was done, as the outcome says, but bytes of its outputs are lost.
    case bytes(Outcome)
    /// Its result is to be compared with a recorded one.
    case comparison
  }

  var purpose: Purpose
  var reason: Reason
  /// Whether it gets a job of its own, a worker having been lost with it and others.
  var isAlone = false
  /// How often something it reads could not be had, or was edited and put back while it ran.
  var faults = 0
  /// Why it failed before, in a line each.
  var failures: [String] = []
  /// Bytes of memory that it gets instead of what it asked for.
  var memory: Int?

  var isRebuild: Bool { if case .bytes = purpose { true } else { false } }
  var isComparison: Bool { if case .comparison = purpose { true } else { false } }
}

/// What an instance whose producers run again wants of them.
enum Need: Sendable {
  /// Its key.
  case key
  /// To run.
  case attempt(Attempt)
  /// Its own outputs, to be read by the caller.
  case check(Outcome)
}

/// A member of a job under way.
struct Work: Sendable {
  var attempt: Attempt
  var action: Action
  var started: Date
  /// The files outside as they were when it started.
  var sight: Sight
  /// The paths of the blobs it reads.
  var paths: [String]
  /// Where it prints to.
  var log: LogFile
  /// Under which keys its states are kept; nil when its kind saves none.
  var prefixes: Prefixes?
  /// The state that it went on from.
  var resumed: WorkState?
  /// The point of the last state that it saved or went on from.
  var saved: Int?
  /// Whether it has saved any itself.
  var hasSaved = false
  /// What the work up to `resumed` took.
  var secondsBefore = 0.0
  var seconds = 0.0
  /// Whether what it reads has been given up since: its result belongs to a key that isn't its own any more.
  var isOutdated = false
}

/// What became of an instance, as far as its report needs it.
struct Outcome: Sendable {
  var state: InstanceReport.State = .cached
  /// By what a cached result was computed, as `KnownOutputs.platform` says.
  var platform: Int64 = 0
  var reason: Reason?
  var seconds = 0.0
  /// After what it was resumed: `epoch 4`.
  var resumed: String?
  /// The instance with the same key that ran for this one too.
  var sharedWith: Int?
  /// How often it was begun.
  var attempts = 1
  /// How often it ran again for its bytes.
  var rebuilds = 0
  /// How often its bytes were looked for again because they seemed lost.
  var looks = 0
}

/// The phases of all instances. They change by `move` alone.
struct Phases: Sendable {
  private var phases: [Phase]
  private var counts = [Int](repeating: 0, count: Phase.Standing.allCases.count)
  /// A number that changes with every move, by instance: what was asked for in an earlier phase is of no use.
  private(set) var epochs: [UInt32]

  /// - Parameters:
  ///   - count: how many instances there are.
  ///   - scope: how many of them are the run's business.
  init(count: Int, scope: Int) {
    phases = Array(repeating: .waiting, count: count)
    epochs = Array(repeating: 0, count: count)
    counts[Phase.Standing.idle.rawValue] = scope
  }

  subscript(i: Int) -> Phase { phases[i] }
  subscript(standing: Phase.Standing) -> Int { counts[standing.rawValue] }

  mutating func move(_ i: Int, to phase: Phase) {
    switch phases[i] {
    case .failed, .skipped: preconditionFailure("BUG: instance \(i) was over, and isn't")
    default: break
    }
    counts[phases[i].standing.rawValue] -= 1
    counts[phase.standing.rawValue] += 1
    phases[i] = phase
    epochs[i] += 1
  }

  /// `i` runs on, and more is known of its work.
  mutating func update(_ i: Int, _ work: Work) {
    guard case .running = phases[i] else { preconditionFailure("BUG: instance \(i) isn't running") }
    phases[i] = .running(work)
  }

  /// What `i` computes has become another key's.
  mutating func outdate(_ i: Int) {
    switch phases[i] {
    case .running(var work):
      work.isOutdated = true
      phases[i] = .running(work)
    case .publishing(var work):
      work.isOutdated = true
      phases[i] = .publishing(work)
    default: preconditionFailure("BUG: instance \(i) computes nothing")
    }
  }
}
