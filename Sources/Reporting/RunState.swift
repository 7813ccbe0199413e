// Owns what a display knows of a run while it goes on. It draws nothing.

import ContentStore
import Workflow

/// Not Foundation's.
typealias Progress = Workflow.Progress

/// A run so far.
struct RunState {
  struct Running {
    let instance: Int
    /// On the display's clock, in seconds.
    let since: Double
    var progress: Progress?
    /// When it was last mentioned in plain lines.
    var mentioned: Double
  }

  let start: Double
  var total = 0
  var done = 0
  var failed = 0
  /// In the order in which they started.
  var running: [Running] = []
  /// What other drivers compute, by the ids of their processes.
  var elsewhere: [Int: [Int]] = [:]
  /// What earlier runs took.
  var durations = Durations()
  /// What comes from remotes, and what goes there.
  var transfers = [Moving("fetching"), Moving("publishing")]
  /// How many are left of each stage, as far as is known, and what those of this run took.
  private var left: [String: Int] = [:]
  private var taken: [String: [Double]] = [:]
  private let stage: (Int) -> String
  /// How many run at a time.
  private let jobs: Int

  /// - Parameter stage: that of an instance.
  init(start: Double, stage: @escaping (Int) -> String, jobs: Int) {
    self.start = start
    self.stage = stage
    self.jobs = jobs
  }

  /// Bytes on their way, since there were none last.
  struct Moving {
    let what: String
    private var before = 0
    private var done = 0
    private var total = 0
    /// On the display's clock, in seconds; nil: nothing is on its way.
    private(set) var since: Double?
    /// When it was last mentioned in plain lines.
    var mentioned = 0.0

    init(_ what: String) { self.what = what }

    mutating func update(_ done: Int, of total: Int, at now: Double) {
      guard total > done else {
        (before, since) = (done, nil)
        return
      }
      if since == nil { (since, mentioned) = (now, now) }
      (self.done, self.total) = (done - before, total - before)
    }

    /// How far it is; nil where there is nothing worth a line.
    func line(at now: Double) -> String? {
      guard let since, now - since >= 1 else { return nil }
      return byteLine(what, done, of: total, seconds: now - since)
    }
  }

  mutating func apply(_ traffic: Traffic, at now: Double) {
    transfers[0].update(traffic.fetched, of: traffic.toFetch, at: now)
    transfers[1].update(traffic.sent, of: traffic.toSend, at: now)
  }

  mutating func apply(_ event: RunEvent, at now: Double) {
    switch event {
    case .planned(let total, let cached):
      self.total = total
      done = cached
    case .toDo(let instances): left = Dictionary(grouping: instances, by: stage).mapValues(\.count)
    case .elsewhere(let instance, let process):
      forgetElsewhere(instance)
      if let process { elsewhere[process, default: []].append(instance) }
    case .retrying(let instance, _, _, _, _): running.removeAll { $0.instance == instance }
    case .started(let instance, _):
      forgetElsewhere(instance)
      // One that was lost with others of its job begins anew.
      running.removeAll { $0.instance == instance }
      running.append(Running(instance: instance, since: now, mentioned: now))
    case .progress(let instance, let progress):
      guard let i = running.firstIndex(where: { $0.instance == instance }) else { return }
      running[i].progress = progress
    case .finished(let report):
      running.removeAll { $0.instance == report.instance }
      forgetElsewhere(report.instance)
      done += 1
      if report.state == .failed { failed += 1 }
      let stage = stage(report.instance)
      left[stage, default: 1] -= 1
      if report.state == .executed, report.sharedWith == nil {
        taken[stage, default: []].append(report.seconds)
      }
    case .warning, .uploading: break
    }
  }

  private mutating func forgetElsewhere(_ instance: Int) {
    for process in elsewhere.keys where elsewhere[process]!.contains(instance) {
      elsewhere[process]!.removeAll { $0 == instance }
      if elsewhere[process]!.isEmpty { elsewhere[process] = nil }
    }
  }

  /// How much of all is done, what runs counted by its own fraction; 0 to 1.
  var fraction: Double {
    guard total > 0 else { return 0 }
    let partly = running.reduce(0) { $0 + min(max($1.progress?.fraction ?? 0, 0), 1) }
    return min(1, (Double(done) + partly) / Double(total))
  }

  /// Seconds left of all, by what instances of each stage take; nil where that isn't known of one of them.
  func secondsLeft(at now: Double) -> Double? {
    var work = 0.0
    var longest = 0.0
    for (stage, count) in left where count > 0 {
      guard let each = taken[stage].map(Durations.median) ?? durations[stage] else { return nil }
      let mine = running.filter { self.stage($0.instance) == stage }
      let rest = mine.map { $0.secondsLeft(at: now) ?? max(0, each - (now - $0.since)) }
      let waiting = max(0, count - mine.count)
      work += rest.reduce(0, +) + Double(waiting) * each
      longest = max(longest, rest.max() ?? 0, waiting > 0 ? each : 0)
    }
    return work > 0 ? max(work / Double(max(1, jobs)), longest) : nil
  }
}

extension RunState.Running {
  /// Seconds left if it goes on as fast; nil as long as that is a guess.
  func secondsLeft(at now: Double) -> Double? {
    guard let fraction = progress?.fraction, fraction >= 0.02, fraction <= 1, now - since >= 0.5 else {
      return nil
    }
    return (now - since) * (1 - fraction) / fraction
  }

  /// `epoch 3/20  loss 0.41  accuracy 0.87`
  var details: String {
    legible((progress?.detail ?? []).map { "\($0.name) \($0.value)" }.joined(separator: "  "))
  }
}
